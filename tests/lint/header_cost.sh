#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
# header_cost.sh COMPILER BUILD_DIR: what including each door costs, beside what others cost: lines after preprocessing, and seconds to
# parse (the best of three). Prints the table and keeps it as BUILD_DIR/header_cost.txt.
set -eu
compiler=$1 table=$2/header_cost.txt
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

row() { # row HEADER
  echo "#include <$1>" >"$dir/one.cpp"
  "$compiler" -std=c++20 -Iinclude -E "$dir/one.cpp" -o "$dir/one.ii" 2>/dev/null || return 0  # not installed here
  best=
  for _ in 1 2 3; do
    begin=$(date +%s%N)
    "$compiler" -std=c++20 -Iinclude -fsyntax-only "$dir/one.cpp"
    took=$((($(date +%s%N) - begin) / 1000000))
    if [ -z "$best" ] || [ "$took" -lt "$best" ]; then best=$took; fi
  done
  awk -v header="$1" -v ms="$best" '!/^#/ && NF { n++ } END { printf "%-52s %8d %8.2f\n", header, n, ms / 1000 }' "$dir/one.ii"
}

{
  printf '%-52s %8s %8s\n' "header, by $("$compiler" --version | head -1 | cut -c1-30)" lines seconds
  for door in $(cd include && ls tandem/*.hpp); do row "$door"; done
  for other in thread mutex functional boost/interprocess/managed_shared_memory.hpp boost/process.hpp; do row "$other"; done
} | tee "$table"
