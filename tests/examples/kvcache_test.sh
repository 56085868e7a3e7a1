#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
# kvcache_test.sh PROGRAM SOURCE_TREE: kvcache answers as memcached does, in both modes; a killed worker takes its connections along and no
# value; it stops without a request left unanswered, and leaves nothing behind.
. "$(dirname "$0")/checks.sh"
. "$(dirname "$0")/server_checks.sh"
kvcache=$1
cd "$dir" || exit 1
peer=
trap '[ -z "$server" ] || kill -KILL "$server" 2>/dev/null; [ -z "$peer" ] || kill -KILL "$peer" 2>/dev/null; rm -rf "$dir"' EXIT

# serve ARGUMENT...: with $port; what it prints goes to log and complaints
serve() {
  : >log
  # A shell ignores SIGINT in what it starts in the background.
  env --default-signal=INT "$kvcache" --port=0 "$@" >log 2>complaints 9</dev/null &
  server=$!
  wait_until grep -q MiB log || exit 1
  port=$(sed -n '1s/.*:\([0-9]*\) by .*/\1/p' log)
}

# ask FILE [PORT]: sends what is in the file, and reads to the end of the stream: in out
ask() {
  timeout 30 bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$1" && cat "$2" >&3 && cat <&3' ask "${2:-$port}" "$1" >out 2>/dev/null
  status=$?
  [ $status -ne 124 ] || { echo "the server did not close the connection"; false; }
}
# answers FORMAT FORMAT: the second, as printf(1) has it, to the first and quit
answers() {
  printf "$1" >request
  printf 'quit\r\n' >>request
  printf "$2" >wanted
  ask request && cmp out wanted || { cat out; false; }
}
# statistic NAME: its value
statistic() {
  printf 'stats\r\nquit\r\n' >request
  ask request
  tr -d '\r' <out | sed -n "s/^STAT $1 //p"
}
# hold FORMAT: a client that sends this, and then neither sends nor reads, until `release`
hold() {
  rm -f holding
  bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$1" && printf "$2" >&3 && : >holding && exec sleep 60' hold "$port" "$1" &
  holder=$!
  wait_until test -e holding
}
release() { kill $holder 2>/dev/null; wait $holder 2>/dev/null; }
repeat() { head -c "$2" /dev/zero | tr '\0' "$1"; }

# --- One long dialogue. Where memcached is installed, it must say the same.
long=$(repeat k 250)
{
  printf 'get nothing\r\nset a 5 0 3\r\nabc\r\nget a\r\nget a b a\r\nadd a 0 0 1\r\nx\r\nadd b 1 0 1\r\ny\r\nreplace c 0 0 1\r\nx\r\n'
  printf 'replace b 2 0 2\r\nzz\r\nappend a 0 0 2\r\n++\r\nprepend a 0 0 2\r\n--\r\nappend c 0 0 1\r\nx\r\nget a b c\r\n'
  printf 'set n 0 0 1\r\n5\r\nincr n 10\r\ndecr n 3\r\nget n\r\nincr a 1\r\nincr c 1\r\nincr n x\r\nincr n -1\r\nincr n\r\n'
  printf 'set m 0 0 20\r\n18446744073709551615\r\nincr m 1\r\n'
  printf 'set q 0 0 1 noreply\r\nx\r\nincr n 1 noreply\r\ndelete q noreply\r\ntouch a 0 noreply\r\nget q n\r\n'
  printf 'delete b\r\ndelete b\r\ndelete b 0\r\ndelete b 5\r\ndelete\r\ntouch a 0\r\ntouch b 0\r\ntouch a x\r\ntouch a\r\n'
  printf 'set e 0 -1 1\r\nx\r\nget e\r\nset e 0 1 1\r\nx\r\ntouch e -1\r\nget e\r\ngat 100 a\r\ngat x a\r\ngat\r\ngat 0 nothing\r\n'
  printf 'set a 0 0\r\nset a x 0 1\r\nset a 0 x 1\r\nset a 0 0 x\r\nset a 0 0 -1\r\ncas a 0 0 1\r\ncas a 0 0 1 x\r\ncas nothing 0 0 1 1\r\nx\r\n'
  printf "set ${long}k 0 0 1\r\nset $long 0 0 1\r\nx\r\nget $long\r\n"
  printf 'set a 0 0 1\r\nxyz\r\nget a\r\nset a 0 0 0\r\n\r\nget a\r\nset big 0 0 1\r\nx\r\nset big 0 0 1048577\r\n%s\r\nget big\r\n' "$(repeat x 1048577)"
  printf 'bogus\r\n\r\nGET a\r\nget\r\nget  a \r\nverbosity\r\nverbosity 1\r\nverbosity x\r\nstats bogus\r\nstats reset\r\n'
  printf 'set l 0 0 1\nx\r\nget l\nflush_all x\r\nflush_all 100\r\nget l\r\nflush_all\r\nget l a\r\nset l 0 0 1\r\nx\r\nget l\r\nquit\r\n'
} >dialogue
{
  printf 'END\r\nSTORED\r\nVALUE a 5 3\r\nabc\r\nEND\r\nVALUE a 5 3\r\nabc\r\nVALUE a 5 3\r\nabc\r\nEND\r\nNOT_STORED\r\nSTORED\r\nNOT_STORED\r\n'
  printf 'STORED\r\nSTORED\r\nSTORED\r\nNOT_STORED\r\nVALUE a 5 7\r\n--abc++\r\nVALUE b 2 2\r\nzz\r\nEND\r\n'
  printf 'STORED\r\n15\r\n12\r\nVALUE n 0 2\r\n12\r\nEND\r\nCLIENT_ERROR cannot increment or decrement non-numeric value\r\nNOT_FOUND\r\n'
  printf 'CLIENT_ERROR invalid numeric delta argument\r\nCLIENT_ERROR invalid numeric delta argument\r\nERROR\r\nSTORED\r\n0\r\n'
  printf 'VALUE n 0 2\r\n13\r\nEND\r\nDELETED\r\nNOT_FOUND\r\nNOT_FOUND\r\n'
  printf 'CLIENT_ERROR bad command line format.  Usage: delete <key> [noreply]\r\nERROR\r\nTOUCHED\r\nNOT_FOUND\r\n'
  printf 'CLIENT_ERROR invalid exptime argument\r\nERROR\r\nSTORED\r\nEND\r\nSTORED\r\nTOUCHED\r\nEND\r\nVALUE a 5 7\r\n--abc++\r\nEND\r\n'
  printf 'CLIENT_ERROR invalid exptime argument\r\nERROR\r\nEND\r\nERROR\r\n'
  for i in 1 2 3 4; do printf 'CLIENT_ERROR bad command line format\r\n'; done
  printf 'ERROR\r\nCLIENT_ERROR bad command line format\r\nNOT_FOUND\r\n'
  printf "CLIENT_ERROR bad command line format\r\nSTORED\r\nVALUE $long 0 1\r\nx\r\nEND\r\n"
  printf 'CLIENT_ERROR bad data chunk\r\nERROR\r\nVALUE a 5 7\r\n--abc++\r\nEND\r\nSTORED\r\nVALUE a 0 0\r\n\r\nEND\r\nSTORED\r\n'
  printf 'SERVER_ERROR object too large for cache\r\nEND\r\nERROR\r\nERROR\r\nERROR\r\nERROR\r\nVALUE a 0 0\r\n\r\nEND\r\n'
  printf 'ERROR\r\nOK\r\nCLIENT_ERROR bad command line format\r\nERROR\r\nRESET\r\nSTORED\r\nVALUE l 0 1\r\nx\r\nEND\r\n'
  printf 'CLIENT_ERROR invalid exptime argument\r\nOK\r\nVALUE l 0 1\r\nx\r\nEND\r\nOK\r\nEND\r\nSTORED\r\nVALUE l 0 1\r\nx\r\nEND\r\n'
} >wanted_dialogue
if command -v memcached >/dev/null; then
  as=
  [ "$(id -u)" -ne 0 ] || as="-u root"
  MEMCACHED_PORT_FILENAME=peer_port memcached $as -l 127.0.0.1 -p -1 -U 0 >/dev/null 2>&1 &
  peer=$!
  if wait_until test -s peer_port; then
    ask dialogue "$(sed -n 's/^TCP INET: //p' peer_port)"
    check "memcached's own side of the dialogue" eval 'cmp out wanted_dialogue || diff -a out wanted_dialogue'
  fi
  kill "$peer" 2>/dev/null
  wait "$peer" 2>/dev/null
  peer=
else
  echo "skipped: the same dialogue with memcached, which is not installed"
fi

# --- What clients see, in both modes.
for mode in thread process; do
  serve --mode=$mode --workers=3 --memory=8
  check "$mode: the dialogue" eval 'ask dialogue && cmp out wanted_dialogue'
  # In pieces of 7 bytes, each a packet of its own.
  sed '/^cas nothing/q' dialogue >head
  printf 'x\r\nget a\r\nquit\r\n' >>head
  ask head
  cp out at_once
  printf 'flush_all\r\nquit\r\n' >request
  ask request
  cat >in_pieces <<'PIECES'
exec 3<>"/dev/tcp/127.0.0.1/$1"
while IFS= read -r -d '' -n 7 piece || [ -n "$piece" ]; do printf '%s' "$piece" >&3; done <head
cat <&3
PIECES
  timeout 60 bash in_pieces "$port" >out
  check "$mode: in pieces it is answered as at once" cmp out at_once
  head -c 700000 /dev/urandom >binary
  { printf 'set binary 0 0 700000\r\n'; cat binary; printf '\r\nget binary\r\nquit\r\n'; } >request
  { printf 'STORED\r\nVALUE binary 0 700000\r\n'; cat binary; printf '\r\nEND\r\n'; } >wanted
  check "$mode: a value of random bytes" eval 'ask request && cmp out wanted'
  { i=0; while [ $i -lt 3000 ]; do printf 'set k%d 0 0 %d\r\n%d\r\nget k%d\r\n' $i ${#i} $i $i; i=$((i + 1)); done; printf 'quit\r\n'; } >request
  { i=0; while [ $i -lt 3000 ]; do printf 'STORED\r\nVALUE k%d 0 %d\r\n%d\r\nEND\r\n' $i ${#i} $i; i=$((i + 1)); done; } >wanted
  check "$mode: 6000 requests in one piece" eval 'ask request && cmp out wanted'
  check "$mode: what one connection stored another one reads" answers 'get k77\r\n' 'VALUE k77 0 2\r\n77\r\nEND\r\n'

  # Each client is served beside one that does half a thing.
  hold 'set half 0 0 100\r\nxx'
  for i in 1 2 3 4 5 6; do check "$mode: half a value holds up nobody" answers 'get k1 half\r\n' 'VALUE k1 0 1\r\n1\r\nEND\r\n'; done
  release
  check "$mode: and is not stored" answers 'get half\r\n' 'END\r\n'
  hold "$(repeat x 20 | sed 's/x/get binary binary binary binary\\r\\n/g')"
  for i in 1 2 3 4 5 6; do check "$mode: nor does who takes no answer" answers 'get k2\r\n' 'VALUE k2 0 1\r\n2\r\nEND\r\n'; done
  release

  # 8 MiB of memory
  { i=0; while [ $i -lt 40 ]; do printf 'set large%d 0 0 700000 noreply\r\n' $i; cat binary; printf '\r\n'; i=$((i + 1)); done; printf 'get large39\r\nquit\r\n'; } >request
  { printf 'VALUE large39 0 700000\r\n'; cat binary; printf '\r\nEND\r\n'; } >wanted
  check "$mode: what is full lets go of the old" eval 'ask request && cmp out wanted'
  check "$mode: which is counted" [ "$(statistic evictions)" -ge 29 ]
  check "$mode: and keeps what there is room for" [ "$(statistic bytes)" -lt 8388608 ]
  check "$mode: its clients have left" wait_until eval '[ "$(statistic curr_connections)" -eq 1 ]'
  check "$mode: it has nothing to complain of" [ ! -s complaints ]
  stop

  # Its clients.
  serve --mode=$mode --workers=3

  if command -v memccapable >/dev/null; then
    # It takes up to a second for each test.
    timeout 120 memccapable -h 127.0.0.1 -p "$port" -a >out 2>&1
    check "$mode: memccapable finds nothing" eval '[ $? -eq 0 ] && says out "All tests passed"'
    at=--servers=127.0.0.1:$port
    printf hello >greeting
    check "$mode: memcping" memcping $at
    check "$mode: memccp" memccp $at greeting
    check "$mode: memccat" [ "$(memccat $at greeting | head -n 1)" = hello ]
    check "$mode: memctouch" memctouch $at --expire=1000 greeting
    check "$mode: memcexist" memcexist $at greeting
    check "$mode: memcrm" memcrm $at greeting
    check "$mode: memcexist after memcrm" eval '! memcexist $at greeting'
    check "$mode: memcstat" eval 'memcstat $at | grep -q "curr_items: "'
    check "$mode: memcslap" eval 'timeout 60 memcslap $at --concurrency=4 --execute-number=500 --test=set --flush >out 2>&1'
    check "$mode: memcslap, as many as it set" eval '[ "$(statistic curr_items)" -ge 1 ]'
    check "$mode: memcaslap verifies what it reads" \
      eval 'timeout 60 memcaslap -s 127.0.0.1:$port -t 2s -T 2 -c 16 -v 0.2 >out 2>&1 && ! grep -q "verify_failed: [1-9]" out && grep -q "cmd_get: [1-9]" out'
    check "$mode: memcflush" memcflush $at
    check "$mode: nothing is left after memcflush" answers 'get greeting\r\n' 'END\r\n'
  else
    echo "skipped: libmemcached's clients, which are not installed: sudo apt-get install libmemcached-tools"
  fi
  if /usr/bin/python3 -c 'import pymemcache' 2>/dev/null; then
    cat >client.py <<'CLIENT'
import sys
from pymemcache.client.base import Client
c = Client(('127.0.0.1', int(sys.argv[1])), default_noreply=False)
assert c.set('a', b'x\r\ny\0') and c.get('a') == b'x\r\ny\0'
v, cas = c.gets('a')
assert c.cas('a', 'n', cas) and not c.cas('a', 'm', cas)
c.set_many({'k%d' % i: 'v%d' % i for i in range(500)})
assert len(c.get_many(['k%d' % i for i in range(600)])) == 500
assert c.set('n', '5') and c.incr('n', 3) == 8 and c.decr('n', 100) == 0
assert c.append('a', '+') and c.prepend('a', '-') and c.get('a') == b'-n+'
assert c.touch('a', 100) and c.delete('a') and c.get('a') is None
assert c.add('a', '1') and not c.add('a', '1') and c.replace('a', '2')
assert c.stats()[b'curr_items'] > 500
c.flush_all()
assert c.get('a') is None
c.quit()
CLIENT
    check "$mode: pymemcache" timeout 60 /usr/bin/python3 client.py "$port"
  else
    echo "skipped: pymemcache, which is not installed: sudo apt-get install python3-pymemcache"
  fi
  check "$mode: it has nothing to complain of" [ ! -s complaints ]
  hold 'set half 0 0 100\r\nxx'
  check "$mode: a client that is there is no reason to go on when it is told to stop" stop
  release
done

# --- Killed workers.
serve --mode=process --workers=3
check "process: as many workers as were asked for" wait_until there_are 3
# All of them are woken by a client, and one has it.
waits_nowhere() {
  for one in $(workers); do
    for open in "/proc/$one/fd/"*; do
      case $(readlink "$open") in socket:*) ;; *) continue ;; esac
      flags=$(sed -n 's/^flags:[[:space:]]*//p' "/proc/$one/fdinfo/${open##*/}")
      [ $((flags & 04000)) -ne 0 ] || return 1
    done
  done
}
check "process: a worker waits in epoll, and in no call of a socket" wait_until waits_nowhere
check "process: a value" answers 'set kept 0 0 5\r\nvalue\r\n' 'STORED\r\n'
for i in 1 2 3; do
  for one in $(workers); do
    kill -KILL "$one"
    check "process: a worker killed, the value is there" answers 'get kept\r\n' 'VALUE kept 0 5\r\nvalue\r\nEND\r\n'
  done
  check "process: the dead are replaced" wait_until there_are 3
done
check "process: each death is told" eval '[ "$(grep -c "was killed by SIGKILL" complaints)" -eq 9 ]'
check "process: connections of the dead are not counted" [ "$(statistic curr_connections)" -eq 1 ]
all=$(workers)
check "process: after all that, exit status 0" stop
check "process: no worker is left" all_gone
serve --mode=process --workers=3
wait_until there_are 3
all=$(workers)
kill -KILL "$server"
ended 137
check "process: killed, it takes its workers along" all_gone

# --- Chaos: no wrong value, no lost write. And what this would find, if it were so.
chaos() { timeout 100 "$kvcache" --port=0 "$@" >out 2>err; }
check "chaos finds nothing" eval 'chaos --chaos=8 || { cat out err; false; }'
sed 's/^/    /' out
check "chaos: workers were killed" says out '^[1-9][0-9]* workers killed'
check "chaos: nothing was wrong" says out '^wrong values: 0$'
check "chaos: nothing was lost" says out '^lost writes: 0$'
# found_in TRIES WORDS ARGUMENT...: what is done at random meets its victim sooner or later
found_in() {
  tries=$1
  words=$2
  shift 2
  while [ "$tries" -gt 0 ]; do
    chaos "$@"
    [ $? -eq 1 ] && grep -q -e "$words" out && return 0
    tries=$((tries - 1))
  done
  cat out err
  return 1
}
check "chaos finds a table without repair" found_in 8 ' [1-9][0-9]* lost; .*blocks are lost' --chaos=3 --sabotage=no-repair
check "chaos finds values written in place" found_in 8 '^wrong values: [1-9]' --chaos=3 --sabotage=in-place
check "chaos finds answers before the deed" found_in 8 '^lost writes: [1-9]' --chaos=3 --sabotage=early-answer

serve --mode=process --workers=3 --kill-every=20
all=$(workers)
check "--kill-every kills" all_gone
check "and says nothing about it" [ ! -s complaints ]
check "and it can be stopped" stop

# --- Stopping.
for mode in thread process; do
  serve --mode=$mode --workers=3
  rm -f enough
  for i in 1 2 3; do
    # What is asked is answered as a whole, or not at all.
    (while [ ! -e enough ]; do
      printf 'set s%d 0 0 3\r\nabc\r\nget s%d\r\nquit\r\n' $i $i >"load_request_$i"
      timeout 30 bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$1" || exit 7; cat "$2" >&3 && cat <&3' ask "$port" "load_request_$i" >"load_out_$i" 2>/dev/null || { echo shut; break; }
      [ -s "load_out_$i" ] || { echo unanswered; break; }  # nothing was done: it had not arrived, or its connection had not
      printf 'STORED\r\nVALUE s%d 0 3\r\nabc\r\nEND\r\n' $i | cmp -s - "load_out_$i" && echo fine || echo wrong
    done >"load_$i") &
    eval "load_$i=$!"
  done
  check "$mode: load is there" wait_until eval '[ $(cat load_? | wc -l) -ge 20 ]'
  check "$mode: stopped under load, exit status 0" stop
  : >enough
  for i in 1 2 3; do eval "wait \$load_$i"; done
  check "$mode: no answer was cut off" eval '! cat load_? | grep wrong'

  serve --mode=$mode --workers=2
  { printf 'set big 0 0 1000000\r\n'; repeat x 1000000; printf '\r\nquit\r\n'; } >request
  ask request
  hold "$(repeat x 30 | sed 's/x/get big big big big\\r\\n/g')"
  all=$(workers)
  kill -TERM "$server"
  refused() { ! timeout 1 bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$1" && printf "version\r\n" >&3 && read -r line <&3' ask "$port" 2>/dev/null; }
  check "$mode: told to stop, it lets nobody in" wait_until refused
  check "$mode: and waits for who takes its answer" eval '! finished'
  kill -TERM "$server"
  check "$mode: told again, it ends at once" ended 143
  check "$mode: and nothing is left" all_gone
  release
done

# --- What is wrong is said.
serve --workers=1
check "a port that is taken is exit status 1" expect_status 1 "$kvcache" --port="$port"
check "and named" says err "^kvcache: cannot listen at --address=127.0.0.1 --port=$port: Address already in use; --port=0 takes"
check "SIGINT stops it as well" eval 'kill -INT $server && ended 0'
check "an address that is none is exit status 1" expect_status 1 "$kvcache" --port=0 --address=here
check "too little memory for two values is exit status 1" expect_status 1 "$kvcache" --port=0 --memory=1
check "and said" says err '^kvcache: --memory=1: 1048576 bytes are too few: at least [0-9]* hold two values of 1048576; a smaller --item-size needs less'
check "output that cannot be written is exit status 1" expect_status 1 sh -c "'$kvcache' --port=0 >/dev/full"
check "and named" says err '^kvcache: the output cannot be written: No space left'
for mode in thread process; do
  check "$mode: workers that cannot all be started are exit status 1" \
    expect_status 1 sh -c 'ulimit -n 16; exec "$@"' sh "$kvcache" --mode=$mode --port=0 --workers=16
  check "$mode: and why" says err '^kvcache: .*Too many open files$'
done
check "threads that are to be killed are exit status 2" expect_status 2 "$kvcache" --mode=thread --chaos=1
check "and why" says err 'a thread cannot be killed alone$'
check "an unknown mode is exit status 2" expect_status 2 "$kvcache" --mode=both
check "no workers are exit status 2" expect_status 2 "$kvcache" --workers=0
check "a port that cannot be is exit status 2" expect_status 2 "$kvcache" --port=65536
check "--help is exit status 0" expect_status 0 "$kvcache" --help
check "--help names the exit status" says out 'Exit status'

exit $failed
