#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
# compare.sh LOGLAB [LINES [ROUNDS]]: what loglab takes to count the status codes of a web server's log, beside awk | sort | uniq -c on the same
# file, in interleaved rounds; checks that all find the same. Prints each way's median, fastest and slowest, in seconds.
set -eu
loglab=$1 lines=${2:-2000000} rounds=${3:-5}
export LC_ALL=C
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

awk -v lines="$lines" 'BEGIN {
  srand(7)
  for (i = 0; i < lines; ++i) {
    r = rand()
    printf "192.168.%d.%d - - [%02d/Oct/2025:%02d:%02d:%02d +0000] \"GET /page/%d.html HTTP/1.1\" %d %d \"-\" \"Mozilla/5.0 (X11; Linux x86_64)\"\n",
      rand() * 20, rand() * 256, 1 + rand() * 28, rand() * 24, rand() * 60, rand() * 60, rand() * 5000,
      r < .9 ? 200 : r < .95 ? 304 : r < .99 ? 404 : 500, rand() * 50000
  }
}' >"$dir/log"

by_awk() { awk '{ print $9 }' "$dir/log" | sort | uniq -c | sort -k1,1nr -k2 | sed 's/^ *//'; }
by_awk_alone() { awk '{ ++n[$9] } END { for (s in n) print n[s], s }' "$dir/log" | sort -k1,1nr -k2; }
by_threads() { "$loglab" --format=combined --by=status --top=0 "$dir/log"; }
by_processes() { "$loglab" --mode=process --format=combined --by=status --top=0 "$dir/log"; }
by_parsing_processes() { "$loglab" --parse-mode=process --format=combined --by=status --top=0 "$dir/log"; }
ways="awk awk_alone threads processes parsing_processes"

echo "$(wc -l <"$dir/log") lines, $(($(wc -c <"$dir/log") / 1000000)) MB, $(nproc) CPUs, load $(cut -d' ' -f1 /proc/loadavg) before"
by_awk >"$dir/wanted"
round=0
while [ $round -lt "$rounds" ]; do
  for way in $ways; do
    begin=$(date +%s%N)
    "by_$way" >"$dir/found"
    echo "$way $((($(date +%s%N) - begin) / 1000000))" >>"$dir/times"
    cmp "$dir/wanted" "$dir/found"
  done
  round=$((round + 1))
done
for way in $ways; do
  awk -v way=$way '$1 == way { print $2 }' "$dir/times" | sort -n | awk -v way="$way" '{ t[NR] = $1 / 1000 }
    END { printf "%-18s %6.2f (%.2f .. %.2f)\n", way, t[int((NR + 1) / 2)], t[1], t[NR] }'
done
echo "load $(cut -d' ' -f1 /proc/loadavg) after"
