#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
# format.sh CLANG_FORMAT: every source file is formatted as .clang-format says. To mend: clang-format -i FILES.
set -eu
find include tests bench examples \( -name '*.hpp' -o -name '*.cpp' \) ! -path 'tests/programs/*' ! -path 'tests/refusals/*' -print0 |
  xargs -0 "$1" --dry-run -Werror --style=file
