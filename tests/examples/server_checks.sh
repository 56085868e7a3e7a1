# SPDX-License-Identifier: BSL-1.0
# What the tests of servers share, behind checks.sh: a server in $server, which does not outlive the test, and its workers, who are its
# children. `complaints` has what it says on stderr.
ulimit -c 0
server=
trap '[ -z "$server" ] || kill -KILL "$server" 2>/dev/null; rm -rf "$dir"' EXIT

finished() { ! grep -q '^State:[[:space:]]*[^Z]' "/proc/$server/status" 2>/dev/null; }
# ended STATUS: the server has ended so
ended() {
  wait_until finished || kill -KILL "$server"
  wait "$server" 2>/dev/null
  status=$?
  server=
  [ "$status" -eq "$1" ] || { echo "status $status instead of $1"; cat complaints; false; }
}
# stop [SIGNAL]: and it ends in order
stop() { kill "-${1:-TERM}" "$server" && ended 0; }
workers() { grep -l "^PPid:[[:space:]]*$server\$" /proc/[0-9]*/status 2>/dev/null | tr -cd '0-9\n'; }
there_are() { [ "$(workers | wc -l)" -eq "$1" ]; }
gone() { ! [ -e "/proc/$1" ]; }
all_gone() { for one in $all; do wait_until gone "$one" || return 1; done; }
