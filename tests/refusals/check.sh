#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
# check.sh COMPILER FILE INCLUDE_DIR [FLAG...]: FILE must not compile, and the first line with "error:" must contain the words of
# FILE's first line, "// expect: <words>". Exits with 0 if so. `CXXFLAGS` is not read; FLAGs are handed to the compiler.
set -u
[ $# -ge 3 ] || { echo "usage: check.sh COMPILER FILE INCLUDE_DIR [FLAG...]" >&2; exit 2; }
compiler=$1 file=$2 include=$3
shift 3

words=$(sed -n '1s#^// expect: *##p' "$file")
[ -n "$words" ] || { echo "$file: its first line should be \"// expect: <words>\"" >&2; exit 2; }

if output=$(LC_ALL=C "$compiler" -std=c++20 -fsyntax-only -I"$include" "$@" "$file" 2>&1); then
  echo "$file: compiles, but should be refused with: $words" >&2
  exit 1
fi
first=$(printf '%s\n' "$output" | grep -m1 'error:')
case $first in
  *"$words"*) printf '%s\n' "$first" ;;
  *)
    printf '%s\n' "$file: expected words: $words" "$file: the first error: $first" "$output" >&2
    exit 1
    ;;
esac
