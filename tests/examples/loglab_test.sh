#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
# loglab_test.sh PROGRAM SOURCE_TREE: loglab counts as awk, sort and uniq do, whatever its stages' units are; a malformed line, a crashing
# parser and a closed output are handled, and no unit is left.
. "$(dirname "$0")/checks.sh"
chmod 755 "$dir"
cp "$1" "$dir/loglab" && chmod 755 "$dir/loglab" || exit 1
cd "$dir" || exit 1
loglab=$dir/loglab
ulimit -c 0

ranked() { sort | uniq -c | sort -k1,1nr -k2 | sed 's/^ *//'; }
units() { grep -lE "^(Name:[[:space:]]*(files|read|parse|count|print|report))" /proc/[0-9]*/status 2>/dev/null | while IFS= read -r one; do
  grep -q "^PPid:[[:space:]]*$1\$" "$one" 2>/dev/null && echo "$one"; done; }

# --- A web server's log of 30000 lines, the same in each run.
awk 'BEGIN {
  x = 7
  for (i = 1; i <= 30000; ++i) {
    x = (x * 1103515245 + 12345) % 2147483648
    r = int(x / 65536)
    printf "10.0.%d.%d - %s [%02d/Oct/2025:%02d:%02d:%02d +0200] \"%s /page/%d?a=%d HTTP/1.1\" %d %d \"http://x/\\\"q\\\"\" \"agent (x; y)\"\n",
      r % 3, r % 251, r % 5 ? "-" : "alice", 1 + r % 28, r % 24, r % 60, i % 60, r % 7 ? "GET" : "POST", r % 600, i % 9,
      r % 11 ? 200 : r % 13 ? 404 : 500, r
  }
}' >web.log
awk '{ print $9 }' web.log | ranked >by_status
awk '{ print $1 }' web.log | ranked >by_host
awk '{ print $7 }' web.log | ranked >by_path
awk '{ print substr($6, 2) }' web.log | ranked >by_method
awk '{ split($4, t, ":"); print t[2] }' web.log | ranked >by_hour
awk '{ for (i = 1; i <= NF; ++i) print $i }' web.log | ranked >by_word
for mode in thread process; do
  for field in status host path method hour; do
    check "$mode: by $field, as awk | sort | uniq -c" \
      eval 'expect_status 0 "$loglab" --mode=$mode --format=combined --by=$field --top=0 web.log && cmp out by_$field && [ ! -s err ]'
  done
  check "$mode: words" eval 'expect_status 0 "$loglab" --mode=$mode --format=words --top=0 --by=word web.log && cmp out by_word'
  for more in --readers=3 --parsers=1 --parsers=5 --counters=3 --batch=1 --batch=4096; do
    check "$mode, $more: the same" \
      eval 'expect_status 0 "$loglab" --mode=$mode $more --by=path --top=0 web.log && cmp out by_path'
  done
  check "$mode: from standard input" eval '"$loglab" --mode=$mode --by=host --top=0 - <web.log >out && cmp out by_host'
  check "$mode: from a pipe" eval 'cat web.log | "$loglab" --mode=$mode --by=host --top=0 - >out && cmp out by_host'
  check "$mode: each line's fields" \
    eval 'expect_status 0 "$loglab" --mode=$mode --entries --by=method,status web.log && ranked <out >got && awk "{ print substr(\$6, 2) \"\t\" \$9 }" web.log | ranked | cmp - got'
done
for read in thread process; do
  for parse in thread process; do
    for count in thread process; do
      check "read $read, parse $parse, count $count: the same" \
        eval 'expect_status 0 "$loglab" --read-mode=$read --parse-mode=$parse --count-mode=$count --by=status --top=0 web.log && cmp out by_status'
    done
  done
done
head -n 2 by_path >two
check "--top=2 prints two" eval 'expect_status 0 "$loglab" --by=path --top=2 web.log && cmp out two'
check "several fields are paragraphs" eval 'expect_status 0 "$loglab" web.log && says out "^status$" && says out "^hour$" && says out "^ *[0-9]*  07 ##*$"'

# --- gzip, folders, formats.
gzip -c web.log >web.log.1.gz
check "gzip" eval 'expect_status 0 "$loglab" --mode=process --by=status --top=0 web.log.1.gz && cmp out by_status'
mkdir -p logs/deep
head -n 15000 web.log >logs/a.log
tail -n 15000 web.log | gzip >logs/deep/b.gz
head -c 100000 /dev/zero >logs/wtmp
check "a folder, and what is no text in it" \
  eval 'expect_status 0 "$loglab" --summary --by=status --top=0 logs && cmp out by_status && says err "30000 lines" && says err "1 files are no text"'
head -c 2000 web.log.1.gz >cut.gz
check "gzip that is cut off is told" eval 'expect_status 1 "$loglab" cut.gz && says err "loglab: cut.gz: as gzip: "'
check "gzip from standard input is told" eval '! "$loglab" - <web.log.1.gz >out 2>err && says err "standard input\|-: it is compressed: zcat"'
cat >sys.log <<'LOG'
Oct 11 22:14:15 mymachine su[230]: 'su root' failed for lonvick on /dev/pts/8
<34>Oct  1 05:00:00 mymachine su: again
2025-06-24T14:36:25.123456+02:00 other sshd[42]: Accepted publickey for x
2025-06-24T14:36:26+02:00 other kernel: [    0.000000] Linux: 6.1
2025-06-24T23:59:59.000001Z other CRON[1]: (root) CMD (true)
LOG
printf '2 su\n1 CRON\n1 kernel\n1 sshd\n' >wanted
check "syslog, in both styles of time" eval 'expect_status 0 "$loglab" --format=syslog --by=program --top=0 sys.log && cmp out wanted'
printf "su\tAccepted publickey for x\n" >wanted
"$loglab" --by=message --top=0 sys.log >out
check "messages" eval 'says out "^1 Accepted publickey for x$" && says out "^1 \[    0.000000\] Linux: 6.1$" && says out "^1 again$"'
printf '2 14\n1 05\n1 22\n1 23\n' >wanted
check "hours" eval 'expect_status 0 "$loglab" --by=hour sys.log && cmp out wanted'
cat >dpkg.log <<'LOG'
2025-06-24 14:36:25 startup archives unpack
2025-06-24 14:36:25 upgrade tar:amd64 1.33 1.34
2025-06-24 14:36:25 status unpacked tar:amd64 1.34
2025-06-24 14:36:26 status installed tar:amd64 1.34
LOG
printf '2 status\n1 startup\n1 upgrade\n' >wanted
check "dpkg.log" eval 'expect_status 0 "$loglab" --by=action --top=0 dpkg.log && cmp out wanted'
check "its packages" eval 'expect_status 0 "$loglab" --by=package dpkg.log && says out "^3 tar:amd64$"'
check "each line as it fits" eval 'expect_status 0 "$loglab" web.log sys.log dpkg.log && says out "^status$" && says out "^program$" && says out "^action$"'
check "the system's own logs can be read" eval '"$loglab" --mode=process --summary >out 2>err; [ $? -le 1 ] && says err " files, "'

# --- Malformed lines.
{ head -n 3 web.log; printf 'garbage \001\nmore\n'; sed -n 4,9p web.log; printf '10.0.0.1 - - [01/Oct/2025:00:00:00 +0000] "GET / HTTP/1.1" 2x0 1\nno end'; } >bad.log
for mode in thread process; do
  check "$mode: malformed lines are no failure" expect_status 0 "$loglab" --mode=$mode --by=status --top=0 bad.log
  check "$mode: the others are counted" eval '[ "$(awk "{ n += \$1 } END { print n }" out)" -eq 9 ]'
  check "$mode: the malformed are shown with their numbers" \
    eval 'says err "^loglab: bad.log:4: no line of a log: garbage ?$" && says err "bad.log:5: no line of a log: more$" && says err "bad.log:12: " && says err "bad.log:13: no line of a log: no end"'
  check "$mode: with --strict the first one is the end" \
    eval 'expect_status 1 "$loglab" --mode=$mode --parsers=1 --strict bad.log && says err "^loglab: bad.log:4: no line of a log: garbage ?$" && [ ! -s out ]'
done
i=0
while [ $i -lt 100 ]; do echo "line $i is none"; i=$((i + 1)); done >none.log
check "only the first few are shown" eval 'expect_status 0 "$loglab" --mode=process --parsers=4 --batch=3 none.log && [ "$(grep -c ": no line of a log: " err)" -eq 5 ] && says err "none.log:5: " && says err "and 95 more of 100 lines"'
head -c 3000000 /dev/zero | tr '\0' x >long.log
check "a line without an end is cut off" eval 'expect_status 0 "$loglab" long.log && says err "long.log:1: no line of a log: xxx"'
: >empty.log
check "an empty file is one of no lines" eval 'expect_status 0 "$loglab" --summary empty.log && says err " 0 lines"'

# --- What cannot be read, or is wrong.
check "a missing file is told, the rest is counted" \
  eval 'expect_status 1 "$loglab" --mode=process --by=status --top=0 missing web.log && says err "^loglab: missing: No such file or directory$" && cmp out by_status'
check "--by of another format is wrong usage" eval 'expect_status 2 "$loglab" --format=dpkg --by=status dpkg.log && says err "by=status: dpkg has no such field"'
check "--by of nothing known is wrong usage" expect_status 2 "$loglab" --by=colour web.log
for wrong in --mode=fibre --parsers=0 --parsers=257 --batch=0 --format=xml --nonsense; do
  check "$wrong is wrong usage" eval 'expect_status 2 "$loglab" $wrong web.log && says err "loglab --help tells"'
done
check "--help" eval 'expect_status 0 "$loglab" --help && says out "Exit status"'

# --- A parser that crashes.
awk 'NR != 777 { print $9 }' web.log | ranked >without_777
for more in --parsers=1 --parsers=5 --batch=1 "--readers=1 --read-mode=thread --count-mode=thread"; do
  check "process, $more: a parser's crash loses its line, and no other" \
    eval 'expect_status 3 "$loglab" --mode=process $more --crash-at=777 --by=status --top=0 web.log && cmp out without_777'
  check "process, $more: which is told" says err "^loglab: web.log:777 is lost: 'parse.*' was killed by SIGSEGV"
done
check "thread: it is the program's" expect_status 139 "$loglab" --mode=thread --crash-at=777 --by=status web.log

# --- Closed outputs.
for mode in thread process; do
  check "$mode: who has read enough ends it by SIGPIPE, quietly" \
    eval '[ "$({ "$loglab" --mode=$mode --by=word --format=words --top=0 web.log 2>err; echo $? >status; } | head -n 1 | wc -l)" -eq 1 ] && [ ! -s err ]'
  # A log that never ends.
  mkfifo endless
  { while cat web.log; do :; done >endless; } 2>/dev/null &
  writer=$!
  { "$loglab" --mode=$mode --entries --by=status endless 2>err; echo $? >status; } | head -n 3 >out
  check "$mode: so does an endless one" eval '[ "$(cat status)" -eq 141 ] && [ "$(wc -l <out)" -eq 3 ] && [ ! -s err ]'
  kill $writer 2>/dev/null
  wait $writer 2>/dev/null
  rm endless
done
check "a full disk is told" eval '! "$loglab" --by=status web.log >/dev/full 2>err && says err "cannot be written: No space left"'

# --- Signals: what has been read is counted; nobody is left.
for mode in thread process; do
  mkfifo slow
  "$loglab" --mode=$mode --by=status --top=0 slow >out 2>err &
  pid=$!
  exec 9>slow
  cat web.log >&9
  if [ $mode = process ]; then
    check "$mode: its units are there" wait_until eval '[ "$(units $pid | wc -l)" -ge 4 ]'
    left=$(units $pid)
  fi
  kill -TERM $pid
  wait $pid
  check "$mode: a signal ends it with what has been read" eval '[ $? -le 1 ] && says err "stopped: this is what was read until then"'
  if [ $mode = process ]; then
    for one in $left; do check "$mode: no unit is left: $one" [ ! -e "$one" ]; done
  fi
  exec 9>&-
  rm slow
done
mkfifo slow
"$loglab" --mode=process --by=status slow >out 2>err &
pid=$!
exec 9>slow
check "killed: its units are there" wait_until eval '[ "$(units $pid | wc -l)" -ge 4 ]'
left=$(units $pid)
kill -KILL $pid
wait $pid 2>/dev/null
for one in $left; do check "killed: no unit is left: $one" wait_until [ ! -e "$one" ]; done
exec 9>&-

exit $failed
