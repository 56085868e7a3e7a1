#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
# check.sh COMPILER PAGE INCLUDE_DIR [alone]: the C++ of a page compiles without warnings, and its programs print what the page says (extract.awk
# tells how a page says so). To save time the programs are compiled together; with `alone` each also by itself, as a reader would.
# CXXFLAGS may hold further flags.
set -u
[ $# -ge 3 ] || { echo "usage: check.sh COMPILER PAGE INCLUDE_DIR [alone]" >&2; exit 2; }
compiler=$1 page=$2 include=$3 alone=${4:-}
here=$(dirname "$0")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export LC_ALL=C
failed=0
ulimit -c 0

complain() { printf '%s\n' "$*"; failed=1; }
# compile FLAG... FILE: with what every program of the pages is compiled with.
compile() {
  # shellcheck disable=SC2086  # several flags in one variable, and a compiler behind a launcher
  $compiler -std=c++20 -O0 -Wall -Wextra -Werror ${CXXFLAGS:-} -I"$include" "$@" -pthread
}
# run NAME COMMAND...: compares what the command prints with NAME.expected.
run() {
  name=$1
  shift
  # shellcheck disable=SC2016  # the inner shell expands; and it may tell of a death, on stderr or in the file
  sh -c 'out=$1; shift; timeout 60 "$@" >"$out" 2>&1; exit $?' sh "$name.printed" "$@" 2>/dev/null
  code=$?
  case $code in 134) death=Aborted ;; 139) death="Segmentation fault" ;; 124) death="(not ended after 60 seconds)" ;; *) death="" ;; esac
  if [ -n "$death" ]; then
    sed -i "/$death/d" "$name.printed"
    echo "$death" >>"$name.printed"
  fi
  sed -i 's/program_[0-9]*:://g' "$name.printed"  # the namespace that a program stands in
  if [ -f "$name.vary" ]; then sed -i 's/[0-9][0-9.]*/N/g' "$name.printed" "$name.expected"; fi
  diff "$name.expected" "$name.printed" >"$name.diff" && return
  complain "$page:$line: the program prints something else (<: the page; >: the program):"
  cat "$name.diff"
}

awk -v dir="$dir" -f "$here/extract.awk" "$page" || exit 1
if [ -f "$dir/group.cpp" ]; then compile "$dir/group.cpp" -o "$dir/group" || exit 1; fi
[ -f "$dir/list" ] || exit 0
while read -r line how; do
  case $how in
    refused)
      if words=$(compile -fsyntax-only "$dir/$line.cpp" 2>&1); then
        complain "$page:$line: compiles, but the page says that it does not"
      elif ! printf '%s\n' "$words" | grep -m1 'error:' | grep -qF -e "$(cat "$dir/$line.refused")"; then
        complain "$page:$line: is refused with other words:" "$(printf '%s\n' "$words" | grep -m1 'error:')"
      fi
      continue
      ;;
    alone) compile "$dir/$line.cpp" -o "$dir/$line" || failed=1 ;;
    grouped) if [ -n "$alone" ]; then compile "$dir/$line.cpp" -o "$dir/$line" || failed=1; fi ;;
  esac
  for expected in "$dir/$line".*.expected; do
    [ -f "$expected" ] || continue
    name=${expected%.expected}
    # shellcheck disable=SC2046  # arguments, on purpose
    if [ "$how" = alone ]; then run "$name" "$dir/$line" $(cat "$name.args"); else run "$name" "$dir/group" "$line" $(cat "$name.args"); fi
  done
done <"$dir/list"
exit $failed
