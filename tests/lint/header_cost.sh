#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
# header_cost.sh COMPILER BUILD_DIR: what including each door costs, beside what others cost: lines after preprocessing, and seconds of
# CPU to parse. Prints the table and keeps it as BUILD_DIR/header_cost.txt.
set -eu
compiler=$1 table=$2/header_cost.txt
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

row() { # row HEADER
  echo "#include <$1>" >"$dir/one.cpp"
  "$compiler" -std=c++20 -Iinclude -E "$dir/one.cpp" -o "$dir/one.ii" 2>"$dir/errors" || {
    case $1 in tandem/*) cat "$dir/errors" >&2; return 1 ;; esac
    return 0 # not installed here
  }
  ("$compiler" -std=c++20 -Iinclude -fsyntax-only "$dir/one.cpp" && times) | tail -1 |
    awk -F'[ms ]+' -v header="$1" -v lines="$(grep -cv -e '^#' -e '^ *$' "$dir/one.ii")" '
      { printf "%-50s %8d %8.2f\n", header, lines, $1 * 60 + $2 + $3 * 60 + $4 }'
}

{
  printf '%-50s %8s %8s\n' "$("$compiler" --version | head -1 | cut -c1-50)" lines seconds
  for door in $(cd include && ls tandem/*.hpp); do row "$door"; done
  for other in thread mutex functional boost/interprocess/managed_shared_memory.hpp; do row "$other"; done
} >"$table"
cat "$table"
