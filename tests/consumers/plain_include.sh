#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
# plain_include.sh COMPILER INCLUDE_DIR: one command line, no build system.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
"$1" -std=c++20 -O0 -I"$2" "$(dirname "$0")/main.cpp" -o "$dir/consumer" -pthread
"$dir/consumer"
