# SPDX-License-Identifier: BSL-1.0
# What the tests of the examples share: a folder of their own in $dir, which goes with them, and checks that count in $failed.
set -u
export LC_ALL=C
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failed=0

# check "property" COMMAND...: the command succeeds.
check() {
  property=$1
  shift
  if "$@"; then echo "ok: $property"; else echo "FAILED: $property ($*)"; failed=1; fi
}
says() { grep -q -e "$2" "$1" || { cat "$1"; false; }; }
says_not() { ! says "$1" "$2" >/dev/null; }
# expect_status N COMMAND...: with its output in out and err
expect_status() {
  wanted=$1
  shift
  "$@" >out 2>err
  status=$?
  [ "$status" -eq "$wanted" ] || { echo "status $status instead of $wanted"; cat err; false; }
}
# wait_until COMMAND...: tries for 20 s
wait_until() {
  tries=0
  until "$@"; do
    tries=$((tries + 1))
    [ "$tries" -lt 400 ] || { echo "waited in vain: $*"; return 1; }
    sleep 0.05
  done
}
