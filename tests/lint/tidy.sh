#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
# tidy.sh CLANG_TIDY BUILD_DIR FILES...: runs clang-tidy on each file, two at a time; what it finds in include/ is an error.
set -eu
clang_tidy=$1 build=$2
shift 2
[ $# -gt 0 ] || exit 0
printf '%s\0' "$@" | xargs -0 -n 1 -P 2 "$clang_tidy" --quiet -p "$build"
