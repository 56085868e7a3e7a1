#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
# Where things are and how files begin: a public header has its test, every file its licence line, every header the guard of its path and
# no #if outside os/ and config.hpp, nothing that costs much to include, no left-overs.
set -u
failed=0

find include/tandem -name '*.hpp' | sort | xargs awk '
  function complain(words) { print FILENAME ": " words; bad = 1 }
  function leave() {  # the header that has been read
    if (FILENAME_before != "" && !guarded) { print FILENAME_before ": the guard should be " guard; bad = 1 }
  }
  FNR == 1 {
    leave()
    FILENAME_before = FILENAME
    path = FILENAME; sub(/^include\//, "", path)
    guard = toupper(path); gsub(/[\/.]/, "_", guard)
    guarded = seen = 0
    parts = split(path, part, "/")
    if (parts == 3 && path !~ /\/fwd\.hpp$/) {
      test = "tests/" part[2] "/" part[3]; sub(/\.hpp$/, "_test.cpp", test)
      first = ""
      while ((status = (getline line < test)) > 0 && first == "") { if (line ~ /^#include/) first = line }
      close(test)
      if (status < 0) complain("has no " test)
      else if (index(first, "\"" path "\"") == 0) complain("should be the first include of " test)
    }
  }
  $0 == "#ifndef " guard { seen = 1; next }
  $0 == "#define " guard && seen { guarded = 1 }
  /^ *# *(if|ifdef|ifndef|elif|else)/ && path !~ /^tandem\/(os\/|config\.hpp)/ { complain("preprocessor conditions belong to os/ and config.hpp: " $0) }
  /^ *# *include *<(iostream|regex|sstream|fstream|iomanip|functional|future|[a-z0-9]*intrin\.h)>/ { complain("costs too much to include: " $0) }
  END { leave(); exit bad }
' || failed=1

find include tests bench examples cmake .ci CMakeLists.txt \( -name '*.[ch]pp' -o -name '*.cmake' -o -name CMakeLists.txt -o -name '*.sh' \
  -o -path .ci/run \) ! -path 'tests/programs/*.cpp' ! -path 'tests/refusals/*.cpp' | sort | xargs awk '
  FNR <= 2 && /SPDX-License-Identifier: BSL-1.0/ { found = 1 }
  FNR == 2 { if (!found) { print FILENAME ": begins without its licence line"; bad = 1 } found = 0; nextfile }
  END { exit bad }
' || failed=1

# Written so that this file does not find itself.
if grep -rnE 'TO''DO|FIX''ME|X''XX' include tests bench examples docs cmake ./*.md; then
  echo "left-overs, above"
  failed=1
fi
exit $failed
