#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
# check.sh COMPILER PROGRAM INCLUDE_DIR FLAGS: compiles the program without warnings, runs it, and compares what it prints with the
# comment lines at its end.
set -eu
compiler=$1 program=$2 include=$3 flags=$4
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

awk '/^\/\/ / { expected = expected substr($0, 4) "\n"; next } { expected = "" } END { printf "%s", expected }' "$program" >"$dir/expected"
[ -s "$dir/expected" ] || { echo "$program ends without '// ' lines that say what it prints"; exit 1; }

# shellcheck disable=SC2086  # several flags in one argument
"$compiler" -std=c++20 $flags -Wall -Wextra -Werror -I"$include" "$program" -o "$dir/program" -pthread
"$dir/program" >"$dir/printed" || { code=$?; cat "$dir/printed"; echo "exit code $code"; exit 1; }
diff "$dir/expected" "$dir/printed"
