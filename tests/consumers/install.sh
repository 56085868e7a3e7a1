#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
# install.sh CMAKE BUILD_DIR INSTALLED MOVED SOURCE_DIR: installs into one folder, moves it to another, and checks what is there.
set -eu
cmake=$1 build=$2 installed=$3 moved=$4 source=$5
rm -rf "$installed" "$moved"
"$cmake" --install "$build" --prefix "$installed" >/dev/null
mv "$installed" "$moved"

diff -r "$source/include" "$moved/include"
for file in share/licenses/tandem/LICENSE share/pkgconfig/tandem.pc share/cmake/tandem/tandemConfig.cmake \
  share/cmake/tandem/tandemConfigVersion.cmake; do
  [ -f "$moved/$file" ] || { echo "not installed: $file"; exit 1; }
done
if grep -r "$installed" "$moved"; then echo "these files know where they were installed"; exit 1; fi
