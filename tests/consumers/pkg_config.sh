#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
# pkg_config.sh COMPILER INCLUDE_DIR PREFIX VERSION: with what pkg-config says of an installed tandem.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export PKG_CONFIG_PATH="$3/share/pkgconfig"
[ "$(pkg-config --modversion tandem)" = "$4" ] || { echo "pkg-config names another version than $4"; exit 1; }
# shellcheck disable=SC2046  # words, on purpose
"$1" -std=c++20 $(pkg-config --cflags tandem) "$(dirname "$0")/main.cpp" -o "$dir/consumer" $(pkg-config --libs tandem)
"$dir/consumer"
