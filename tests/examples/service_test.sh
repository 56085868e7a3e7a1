#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
# service_test.sh PROGRAM SOURCE_TREE: the service answers, in both modes; kills of its workers under load cost connections and no count; it
# stops in order, gives up when it must, and leaves nothing behind.
. "$(dirname "$0")/checks.sh"
. "$(dirname "$0")/server_checks.sh"
service=$1
tree=$2
command -v python3 >/dev/null || { echo "skipped: service's test needs python3: sudo apt-get install python3"; exit 77; }
cd "$dir" || exit 1

# serve ARGUMENT...: with $port; what it prints goes to log and complaints
serve() {
  : >log
  # A shell ignores SIGINT in what it starts in the background.
  env --default-signal=INT "$service" --port=0 "$@" >log 2>complaints </dev/null &
  server=$!
  wait_until grep -q until log || exit 1
  port=$(sed -n '1s/.*:\([0-9]*\) by .*/\1/p' log)
}
# answers FORMAT FORMAT: the second, as printf(1) has it, to the first and quit
answers() {
  printf "$1quit\n" >request
  printf "$2" >wanted
  timeout 30 bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$1" && cat request >&3 && cat <&3' ask "$port" >out 2>/dev/null
  cmp out wanted || { cat out; false; }
}
long=$(head -c 24 /dev/zero | tr '\0' k)

for mode in process thread; do
  serve --mode=$mode --workers=3
  check "$mode: it counts" answers 'add a\nadd a\r\nadd b\nget a\nget c\n' '1\n2\n1\n2\n0\n'
  check "$mode: another connection sees the same" answers 'get a\nadd a\n' '2\n3\n'
  check "$mode: what is no request" answers "x\n\nadd\nget $long\nadd a b\n" "$(
    printf 'error: add KEY, get KEY, status, or quit\\n%.0s' 1 2
    printf 'error: a key has 1 to 23 bytes, and no blank\\n%.0s' 1 2 3
  )"
  all=$(workers)
  check "$mode: it stops at SIGTERM" stop TERM
  check "$mode: and leaves no process" all_gone
  serve --mode=$mode --workers=2
  check "$mode: it stops at SIGINT" stop INT
done

serve --workers=4 --heartbeat=1000 --intensity=1000000
check "as many processes as it was told" there_are 4
check "kills under load" python3 "$tree/tests/examples/service_load.py" "$port" "$server" 60 "$(date +%s)"
check "as many processes as before" there_are 4
check "who was killed is told of" says complaints "service: worker [1-4] died: 'worker [1-4]' was killed by SIGKILL"
check "who hung is told of" says complaints 'service: worker [1-4] hung'
all=$(workers)
check "it stops after all that" stop TERM
check "and leaves no process then" all_gone

serve --workers=2 --intensity=1
for i in 1 2; do
  wait_until there_are 2
  kill -KILL "$(workers | head -1)"
done
check "one restart too many: it gives up" ended 1
check "and says so" says complaints "service: tandem: supervisor 'service' gave up: more than 1 restarts in 60000 ms"

serve --workers=2
all=$(workers)
kill -KILL "$server"
wait "$server" 2>/dev/null
server=
check "killed itself, it takes its workers along" all_gone

check "help" expect_status 0 "$service" --help
check "wrong usage" expect_status 2 "$service" --workers=0
check "no such address" expect_status 1 "$service" --address=nowhere
exit $failed
