#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
# Where things are and how files begin: a public header has its test, every file its licence line, every header the guard of its path and
# no #if outside os/ and config.hpp, nothing that costs much to include, no left-overs.
set -u
failed=0
complain() { echo "$1"; failed=1; }

for header in $(find include/tandem -name '*.hpp' | sort); do
  path=${header#include/}
  guard=$(echo "$path" | tr 'a-z/.' 'A-Z__')
  room=$(echo "$path" | sed -n 's#^tandem/\([a-z_]*\)/.*#\1#p')
  grep -q "^#ifndef $guard\$" "$header" && grep -q "^#define $guard\$" "$header" || complain "$header: the guard should be $guard"

  case $path in
    tandem/os/* | tandem/config.hpp) ;;
    *) grep -nE '^ *# *(if|ifdef|ifndef|elif|else)\b' "$header" | grep -v "#ifndef $guard" | sed "s#^#$header: #" | grep . &&
      complain "$header: preprocessor conditions belong to os/ and config.hpp" ;;
  esac
  grep -nE '^ *# *include *<(iostream|regex|sstream|fstream|iomanip|functional|future|.*intrin\.h)>' "$header" | sed "s#^#$header: #" |
    grep . && complain "$header: costs too much to include"

  case $path in
    */impl/* | */fwd.hpp) ;;
    tandem/*/*)
      test=tests/$room/$(basename "$header" .hpp)_test.cpp
      if [ ! -f "$test" ]; then
        complain "$header: has no $test"
      elif ! grep -m1 '^#include' "$test" | grep -q "\"$path\""; then
        complain "$test: its first include should be \"$path\""
      fi
      ;;
  esac
done

for file in $(find include tests bench examples cmake .ci CMakeLists.txt \( -name '*.[ch]pp' -o -name '*.cmake' -o -name CMakeLists.txt -o \
  -name '*.sh' -o -path .ci/run \) ! -path 'tests/programs/*.cpp' ! -path 'tests/refusals/*.cpp'); do
  head -2 "$file" | grep -q 'SPDX-License-Identifier: BSL-1.0' || complain "$file: begins without its licence line"
done

# Written so that this file does not find itself.
grep -rnE 'TO''DO|FIX''ME|X''XX' include tests bench examples docs cmake ./*.md ./*.txt 2>/dev/null && complain "left-overs, above"
exit $failed
