#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
# recycler_test.sh PROGRAM SOURCE_TREE: workers that are replaced keep their memory bounded, and count the same words.
. "$(dirname "$0")/checks.sh"
tree=$2
recycler=$1
cd "$dir" || exit 1
cp "$tree/README.md" one.txt
cp "$tree/docs/gotchas.md" two.txt

# column N LINE: of the table
column() { grep -e "^$2" out | sed "s/^$2[^0-9]*[0-9]* tasks//; s/^$2//" | awk -v n="$1" '{ print $n }'; }
words=$(cat one.txt two.txt | tr -cs 'A-Za-z' '\n' | grep -c .)

check "runs" expect_status 0 "$recycler" one.txt two.txt --repeat=150 --recycle=20 --no-plot
check "all tasks were done, both ways" test "$(column 1 'workers that stay') $(column 1 'replaced after')" = "300 300"
check "the words are those that coreutils find" test "$(column 2 'workers that stay') $(column 2 'replaced after')" = "$((150 * words)) $((150 * words))"
check "two workers stayed" test "$(column 3 'workers that stay')" = 2
check "the others were replaced" test "$(column 3 'replaced after')" -ge 15
check "and needed less than half the memory" awk -v a="$(column 4 'workers that stay')" -v b="$(column 4 'replaced after')" 'BEGIN { exit !(2 * b < a) }'

check "threads run" expect_status 0 "$recycler" --mode=thread one.txt --repeat=5 --no-plot
check "and cannot be recycled, which is said" says err "what one leaks stays"
check "no more lines than one for threads" test "$(wc -l <out)" = 2

if command -v gnuplot >/dev/null 2>&1; then
  check "draws on the terminal" expect_status 0 "$recycler" one.txt --repeat=40 --recycle=10 --svg="a 'name'.svg"
  check "with the curves' names" says out "replaced after 10 tasks \*\*\|replaced after 10 tasks ##"
  check "and into a file" says "a 'name'.svg" "</svg>"
  check "says where a drawing cannot be written" expect_status 1 "$recycler" one.txt --repeat=2 --no-plot --svg=/nowhere/x.svg
  check "in words" says err "gnuplot failed"
fi
check "says what to do without gnuplot" expect_status 1 env PATH=/nowhere "$recycler" one.txt --repeat=2
check "in words" says err "apt-get install gnuplot"

check "a file that is not there" expect_status 1 "$recycler" nothing.txt --no-plot
check "is named" says err "nothing.txt: No such file"
: >empty.txt
check "an empty one" expect_status 1 "$recycler" empty.txt --no-plot
check "is named too" says err "empty.txt: is empty"
check "no file at all" expect_status 2 "$recycler"
check "a wrong mode" expect_status 2 "$recycler" one.txt --mode=fibre
check "a wrong number" expect_status 2 "$recycler" one.txt --recycle=0
check "help" expect_status 0 "$recycler" --help
check "names the mode" says out "--mode"
exit $failed
