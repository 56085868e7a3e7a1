#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
# links.sh SOURCE_DIR: every link from a page of the project to another, or to a heading, leads somewhere.
set -u
cd "$1" || exit 2
find . -name '*.md' -not -path './build/*' -not -path './.git/*' | sort >/tmp/tandem_pages.$$
trap 'rm -f /tmp/tandem_pages.$$' EXIT
# shellcheck disable=SC2046  # names without blanks
awk '
  FNR == 1 { fence = 0; pages[FILENAME] = 1 }
  /^ *```/ { fence = !fence; next }
  fence || /^<!--/ { next }
  /^#+ / {
    slug = tolower($0)
    sub(/^#+ +/, "", slug)
    gsub(/[^a-z0-9_ -]/, "", slug)
    gsub(/ /, "-", slug)
    heading[FILENAME "#" slug] = 1
  }
  {
    rest = $0
    gsub(/`[^`]*`/, "", rest)
    while (match(rest, /\]\([^)]*\)/)) {
      target = substr(rest, RSTART + 2, RLENGTH - 3)
      rest = substr(rest, RSTART + RLENGTH)
      if (target !~ /^[a-z]+:/) links[++n] = FILENAME "|" FNR "|" target
    }
  }
  function normal(path,   part, k, i, out, depth) {
    k = split(path, part, "/")
    for (i = 1; i <= k; ++i) {
      if (part[i] == "." || part[i] == "") continue
      if (part[i] == "..") { --depth; continue }
      out[++depth] = part[i]
    }
    path = "."
    for (i = 1; i <= depth; ++i) path = path "/" out[i]
    return path
  }
  END {
    for (i = 1; i <= n; ++i) {
      split(links[i], from, "|")
      file = from[3]
      anchor = ""
      if ((at = index(file, "#")) > 0) { anchor = substr(file, at); file = substr(file, 1, at - 1) }
      folder = from[1]
      sub(/[^\/]*$/, "", folder)
      path = file == "" ? from[1] : normal(folder file)
      if (system("test -e \"" path "\"") != 0) { print from[1] ":" from[2] ": " from[3] " is not there"; bad = 1 }
      else if (anchor != "" && path in pages && !((path anchor) in heading)) { print from[1] ":" from[2] ": no heading " from[3]; bad = 1 }
    }
    exit bad
  }
' $(cat /tmp/tandem_pages.$$)
