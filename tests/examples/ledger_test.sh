#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
# ledger_test.sh PROGRAM SOURCE_TREE: whoever is killed, every transfer happens once, and the total stays; without the care that it takes,
# or with pthread's locks, the same program shows what is lost.
. "$(dirname "$0")/checks.sh"
for program in ledger ledger_pthread ledger_robust; do
  cp "$(dirname "$1")/$program" "$dir/" || exit 1
done
cd "$dir" || exit 1
ledger=$dir/ledger

# left_over: the processes that run one of the programs
left_over() { ls -l /proc/[0-9]*/exe 2>/dev/null | sed -n "s|.* /proc/\([0-9]*\)/exe -> $dir/ledger.*|\1|p"; }
nobody_is_left() { [ -z "$(left_over)" ]; }
# A transfer takes a millisecond, so that the reaper has time, and meets it
slow="--accounts=50 --transfers=1200 --work=1000 --workers=4 --reap-every=5"

# --- The balances by awk, without a ledger.
"$ledger" --accounts=50 --transfers=1200 --seed=7 --print >journal
check "the journal has a line for each account and transfer" [ "$(wc -l <journal)" -eq 1250 ]
awk -F, '{ gsub(/\./, "") } $1 == "account" { at[++n] = $2; sum[$2] = $3 } $1 == "transfer" { sum[$2] -= $4; sum[$3] += $4 }
  END { for (i = 1; i <= n; ++i) { c = sum[at[i]]; s = c < 0 ? "-" : ""; if (c < 0) c = -c
    printf "account,%s,%s%d.%02d\n", at[i], s, int(c / 100), c % 100 } }' journal >wanted
for mode in thread process; do
  for workers in 1 3; do
    check "$mode, $workers: a journal without a reaper is exit status 0" \
      expect_status 0 "$ledger" --mode=$mode --workers=$workers --kills=0 --work=0 --balances journal
    grep '^account,' out >balances
    check "$mode, $workers: the balances that awk gives" cmp balances wanted
    check "$mode, $workers: nobody was reaped" says out "^reaped: 0 workers, 0 auditors$"
  done
  check "$mode: with a reaper, too" expect_status 0 "$ledger" --mode=$mode $slow --seed=7 --kills=30 --balances
  grep '^account,' out >balances
  check "$mode: with a reaper the balances that awk gives" cmp balances wanted
  check "$mode: every transfer was made" says out "^50 accounts, 1200 of 1200 transfers by 4 workers (mode: $mode)"
  check "$mode: workers were reaped" says out "^reaped: [1-9]"
  check "$mode: unsettled accounts were found" says_not out "; 0 accounts of transfers that had happened, 0 of"
  check "$mode: the total is what it was" says out "^total: 50000.00 before, 50000.00 after; .*: 0$"
  check "$mode: nobody is left" nobody_is_left
  check "$mode: audits, none wrong" says out "^audits: [1-9][0-9]*, wrong: 0$"
  check "$mode: the same by standard input" expect_status 0 sh -c "'$ledger' --mode=$mode --balances --kills=3 - <journal"
  grep '^account,' out >balances
  check "$mode: by standard input the balances that awk gives" cmp balances wanted
done
check "a thread leaves its locks" expect_status 0 "$ledger" --mode=thread $slow --kills=30
check "so none is found abandoned" says out "^recovered: 0 locks"
check "a process does not" expect_status 0 "$ledger" --mode=process $slow --kills=30
check "so they are recovered" says out "^recovered: [1-9][0-9]* locks"
check "balances are a journal again" expect_status 0 "$ledger" --kills=0 wanted
check "with its total" says out "^total: 50000.00 before, 50000.00 after"

# --- Somebody else kills, and stops it.
# those WHO: the pids of the processes of that name
those() { for one in $(left_over); do [ "$(cat "/proc/$one/comm" 2>/dev/null)" != "$1" ] || echo "$one"; done; }
is_there() { [ -n "$(those "$1")" ]; }
"$ledger" --kills=0 --transfers=10000000 --work=1000 >out 2>err &
program=$!
for whom in "worker 2" auditor; do
  check "$whom is there" wait_until is_there "$whom"
  killed=$(those "$whom")
  kill -KILL "$killed"
  another_is_there() { is_there "$whom" && [ "$(those "$whom")" != "$killed" ]; }
  check "$whom is replaced" wait_until another_is_there
done
kill -TERM $program
wait $program
check "stopped is exit status 1" [ $? -eq 1 ]
check "stopped, it says so" says err "^ledger: stopped before its end$"
check "stopped, it says who was replaced" says out "^reaped: 1 worker, 1 auditor$"
check "stopped, the total is what it was" says out "^total: 100000.00 before, 100000.00 after"
check "stopped, nobody is left" nobody_is_left
"$ledger" --mode=thread --kills=0 --transfers=10000000 --work=1000 >out 2>err &
program=$!
check "threads are there" wait_until sh -c "grep -q auditor /proc/$program/task/*/comm"
kill -TERM $program
wait $program
check "threads, stopped, exit status 1" [ $? -eq 1 ]
check "threads, stopped, the total is what it was" says out "^total: 100000.00 before, 100000.00 after"

# --- Without care, and with other locks.
for mode in thread process; do
  check "$mode: without care money is lost" expect_status 3 "$ledger" --mode=$mode $slow --kills=60 --careless
  check "$mode: and it says so" says err "^ledger: money was lost, or made$"
  check "$mode: the audits have noticed" says_not out "wrong: 0$"
  check "$mode: without care and without a reaper nothing is lost" expect_status 0 "$ledger" --mode=$mode --kills=0 --careless journal
done
check "pthread: threads that are asked to throw unlock" expect_status 0 ./ledger_pthread --mode=thread $slow --kills=30
check "pthread: without a reaper all is well" expect_status 0 ./ledger_pthread --mode=process --kills=0 --work=0
check "pthread: a killed process has all wait for ever" \
  expect_status 4 ./ledger_pthread --mode=process $slow --kills=30 --patience=3000
check "pthread: and it says so" says err "^ledger_pthread: nothing has moved for 3000 ms"
check "pthread: nobody is left" nobody_is_left
check "robust: a killed process is noticed" expect_status 0 ./ledger_robust --mode=process $slow --kills=30
check "robust: its locks are recovered" says out "^recovered: [1-9][0-9]* locks"
many="--accounts=20000 --workers=2 --kills=200 --audit-every=1 --reap-every=5"
check "robust: of more locks than 2048 the kernel forgets the rest" expect_status 4 ./ledger_robust $many --patience=3000
check "robust: nobody is left" nobody_is_left
check "tandem: not so" expect_status 0 "$ledger" $many
check "tandem: more locks were recovered than that" [ "$(sed -n 's/^recovered: \([0-9]*\) .*/\1/p' out)" -gt 2048 ]

# --- Lines that are wrong.
printf 'account,a,10\r\n\n# comment\naccount,b,-0.50\ntransfer,a,b,1.25\n' >edges
check "carriage returns, empty lines and comments" expect_status 0 "$ledger" --balances --kills=0 edges
grep '^account,' out >balances
printf 'account,a,8.75\naccount,b,0.75\n' >wanted
check "are read as they should be" cmp balances wanted
cat >wrong <<'END'
account,a,10
account,a,10
account,b,ten
account,,1
account,c,1.5
account,c,99999999999999999999
transfer,a,nobody,1
transfer,a,a,1
account,d,0
transfer,a,d,-1
transfer,a,d,0
transfer,a,d
deposit,a,1
account,e,92233720368547750.00
END
check "wrong lines are exit status 1" expect_status 1 "$ledger" wrong
expect_line() { says err "^ledger: wrong:$1: $2"; }
check "an account twice" expect_line 2 "account 'a' is there already$"
check "no number" expect_line 3 "'ten' is no balance"
check "no name" expect_line 4 "an account without a name$"
check "half a cent" expect_line 5 "'1.5' is no balance"
check "too large a number" expect_line 6 "'99999999999999999999' is no balance"
check "an unknown account" expect_line 7 "no line above has the account 'nobody'$"
check "to itself" expect_line 8 "from 'a' to itself$"
check "a negative amount" expect_line 10 "'-1' is no amount"
check "nothing as an amount" expect_line 11 "'0' is no amount"
check "a field is missing" expect_line 12 "neither 'account,NAME,BALANCE' nor"
check "ten are told" says_not err "wrong:13:"
check "all are counted" says err "^ledger: 12 lines are wrong: nothing was done$"
check "nothing is done" [ ! -s out ]
printf 'account,a,92233720368547758.07\naccount,b,0\ntransfer,a,b,0.01\n' >wrong
check "amounts that add up to no number" expect_status 1 "$ledger" wrong
check "are told by their line" expect_line 3 "with this amount all of them are more than"
check "a journal that does not exist" expect_status 1 "$ledger" missing
check "is named, and why" says err "^ledger: missing: No such file or directory$"
check "a folder is no journal" expect_status 1 "$ledger" .
: >empty
check "an empty journal is no error" expect_status 0 "$ledger" empty

# --- Wrong usage.
check "an unknown option is exit status 2" expect_status 2 "$ledger" --wrokers=2
check "the unknown option is named" says err '^ledger: .*--wrokers'
check "the remedy is named" says err 'ledger --help'
check "one account is too few" expect_status 2 "$ledger" --accounts=1
check "no workers are refused" expect_status 2 "$ledger" --workers=0
check "an unknown mode is refused" expect_status 2 "$ledger" --mode=fork
check "a journal and a number of accounts" expect_status 2 "$ledger" --accounts=5 edges
check "--help is exit status 0" expect_status 0 "$ledger" --help
check "--help names the exit status" says out 'Exit status'
check "output that cannot be written is exit status 1" expect_status 1 sh -c "'$ledger' --print >/dev/full"
check "and it says so" says err 'No space left'

exit $failed
