#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
# tradeoffs_test.sh PROGRAM: the claims of the four rows hold. No times are judged, for the machine may be busy.
. "$(dirname "$0")/checks.sh"

"$1" --quick --json >"$dir/json"
check "it runs to its end" [ $? -eq 0 ]
tr -d ' \n' <"$dir/json" >"$dir/found"
found() { grep -qF -e "$1" "$dir/found"; }

for what in global heap open_file folder; do
  check "isolation: a stray write reaches a thread's program, not a process's: $what" \
    found "\"${what}_kept\":{\"thread\":false,\"process\":true}"
done
check "isolation: what was declared shared is shared" found '"shared_write_arrives":{"thread":true,"process":true}'

for mode in thread process; do
  check "failure: an exception is an outcome: $mode" \
    found "\"$mode\":{\"program_survives\":true,\"end\":\"threwstd::runtime_error\",\"others_done\":2}"
done
check "failure: a thread's exit ends its program" found '"thread":{"program_survives":false,"end":"exitedwithcode3","others_done":0}'
check "failure: a process's exit is an outcome" found '"process":{"program_survives":true,"end":"exitedwithcode3","others_done":2}'
check "failure: a thread's crash ends its program" \
  found '"thread":{"program_survives":false,"end":"killedbySIGSEGV","others_done":0}'
check "failure: a process's crash is an outcome" found '"process":{"program_survives":true,"end":"killedbySIGSEGV","others_done":2}'
check "failure: only a process can be ended by force" found '"ended_by_force":{"thread":false,"process":true}'

for what in start_and_join_us memory_kib page_tables_kib switch_ns message_ns result_16_mib_us; do
  check "overhead: $what is measured in both modes" grep -qE "\"$what\":\{\"thread\":[0-9.e+]+,\"process\":[0-9.e+]+\}" "$dir/found"
done

# within FACTOR SHARE...: the largest is at most FACTOR times the smallest.
within() {
  echo "$@" | awk '{ least = most = $2; for (i = 3; i <= NF; ++i) { if ($i < least) least = $i; if ($i > most) most = $i } exit !(NF > 2 && most <= $1 * least) }'
}
shares() { grep -o "\"$1\":{[^}]*}" "$dir/found" | tr -c '0-9.\n' ' ' | sed 's/^ *5 //'; }
check "scheduling: two threads and two processes get like shares of a CPU" within 2 $(shares shares_percent)
nice_shares=$(shares shares_nice_5_percent)
check "scheduling: niceness counts alike in both" within 2 $(echo "$nice_shares" | awk '{ print $1 / $2, $3 / $4 }')

"$1" --quick --mode=process >"$dir/table"
check "--mode=process shows one column" grep -q 'its outcome: killed by SIGSEGV' "$dir/table"
check "--mode=process does not show the other" [ "$(grep -c 'the program killed' "$dir/table")" -eq 0 ]
"$1" --help >"$dir/help"
check "--help names what there is" grep -q -e '--json' "$dir/help"
"$1" --jsno 2>"$dir/err"
check "an unknown option is exit status 2" [ $? -eq 2 ]
check "the unknown option is named" grep -q -e '--jsno' "$dir/err"
exit $failed
