#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
# wordcount_test.sh PROGRAM SOURCE_TREE: wordcount counts as coreutils do, whatever the mode and the number of workers, and is honest about
# what it could not count. A named pipe among the files holds a worker where the test wants it.
. "$(dirname "$0")/checks.sh"
tree=$2
chmod 755 "$dir"
cp "$1" "$dir/wordcount" && chmod 755 "$dir/wordcount" || exit 1
cd "$dir" || exit 1
wordcount=$dir/wordcount

# The same by coreutils: each file's words on their own, sorted by count, then by word.
reference() {
  find "$@" -type f | while IFS= read -r file; do cat "$file"; echo; done | tr -cs 'A-Za-z' '\n' | tr 'A-Z' 'a-z' | sed '/^$/d' |
    sort | uniq -c | sort -k1,1nr -k2,2 | sed 's/^ *//'
}
spaces() { head -c "$1" /dev/zero | tr '\0' ' '; }
letters() { head -c "$1" /dev/zero | tr '\0' 'w'; }

# --- Real text, and files with edges. A piece of a file is 1 MiB.
mib=1048576
mkdir real real/tree edges edges/deep edges/deep/er
cp -r "$tree/include" "$tree/LICENSE" real/tree/
if [ -d /usr/share/common-licenses ]; then cp -rL /usr/share/common-licenses real/; fi
for round in 1 2 3 4 5 6 7 8; do find real/tree real/common-licenses -type f -exec cat {} + 2>/dev/null; done >real/big.txt
tr '\n' ' ' <real/big.txt | tr -d ' ' >edges/no_blanks # long words: only punctuation separates them
: >edges/empty
head -c 3000000 /dev/urandom >edges/binary
printf 'a' >edges/deep/letter
printf ' ' >edges/deep/blank
printf '\n' >edges/deep/er/newline
printf '\r\nCarriage\r\nreturn\r\n\r\nEnd' >edges/deep/er/crlf
printf 'caf\303\251 na\303\257ve \377\376' >edges/not_ascii
{ spaces $((mib - 3)); printf 'Crossing the border'; } >edges/crossing
{ spaces $((mib - 1)); printf ' beginning at it'; } >edges/begins_at_border
{ spaces $((mib - 6)); printf 'ending at it'; } >edges/ends_at_border
{ spaces $((mib - 4)); printf 'full'; } >edges/exactly_one_piece
{ spaces $mib; printf 'i'; } >edges/one_piece_and_a_letter
letters $((3 * mib)) >edges/one_word_of_three_pieces
{ letters $((2 * mib + 5)); printf ' w'; } >edges/one_word_and_a_bit

reference real edges >wanted
for mode in thread process; do
  for workers in 1 2 3 7; do
    check "$workers workers, mode $mode: all words are exit status 0" \
      expect_status 0 "$wordcount" --mode=$mode --workers=$workers --top=0 real edges
    check "$workers workers, mode $mode: the bytes that coreutils give" cmp out wanted
    check "$workers workers, mode $mode: silent on stderr when it is no terminal" [ ! -s err ]
  done
done
head -n 3 wanted >wanted_top
check "--top=3 prints three lines" expect_status 0 "$wordcount" --top=3 real edges
check "--top=3 prints the first three" cmp out wanted_top
check "without --top it prints ten lines" expect_status 0 "$wordcount" real
check "ten lines are ten" [ "$(wc -l <out)" -eq 10 ]
check "the default text can be counted" expect_status 0 "$wordcount" --summary
if [ -d /usr/share/common-licenses ]; then check "it has words" [ -s out ]; fi
check "--summary says what was counted" says err 'different words'
for file in empty deep/blank deep/er/newline; do
  check "edges/$file alone has no words" expect_status 0 "$wordcount" edges/$file
  check "edges/$file gives no output" [ ! -s out ]
done
check "a letter alone is a word" expect_status 0 "$wordcount" edges/deep/letter
check "a letter is counted once" [ "$(cat out)" = "1 a" ]
mkdir no_files
check "a folder without files is no error" expect_status 0 "$wordcount" no_files
check "and it says that there was nothing" says err 'no file to count'
check "standard input can be named" expect_status 0 sh -c "printf 'to be or not to be' | '$wordcount' --top=1 /dev/stdin"
check "standard input is counted" [ "$(cat out)" = "2 be" ]

# --- What cannot be read.
ln -s loop loop
printf 'one two' >readable
printf '1 one\n1 two\n' >wanted_rest
for mode in thread process; do
  check "$mode: a failing file is exit status 1" \
    expect_status 1 "$wordcount" --mode=$mode --workers=2 /proc/self/mem readable missing loop
  check "$mode: the rest is counted" cmp out wanted_rest
  check "$mode: the file that cannot be read is named, and why" says err '^wordcount: /proc/self/mem: Input/output error$'
  check "$mode: the file that does not exist is named" says err '^wordcount: missing: No such file or directory$'
  check "$mode: the loop of links is named" says err '^wordcount: loop: Too many levels'
done
mkdir private closed
printf 'three' >private/secret && cp readable private/ && printf 'x' >closed/x
chmod 000 private/secret closed
as_somebody=
if [ "$(id -u)" -eq 0 ]; then as_somebody="setpriv --reuid=65534 --regid=65534 --clear-groups"; fi
if $as_somebody true 2>/dev/null && $as_somebody test -x "$wordcount"; then
  for mode in thread process; do
    check "$mode: permission denied is exit status 1" expect_status 1 $as_somebody "$wordcount" --mode=$mode private closed
    check "$mode: the files beside are counted" cmp out wanted_rest
    check "$mode: the closed file is named" says err '^wordcount: private/secret: Permission denied$'
    check "$mode: the closed folder is named" says err '^wordcount: closed: Permission denied$'
  done
else
  echo "skipped: permissions, no other user to be (setpriv)"
fi
chmod 755 closed
check "output that cannot be written is exit status 1" expect_status 1 sh -c "'$wordcount' readable >/dev/full"
check "and it says so" says err 'No space left'

# --- Wrong usage: the option, and where to look.
check "an unknown option is exit status 2" expect_status 2 "$wordcount" --wrokers=2
check "the unknown option is named" says err '^wordcount: .*--wrokers'
check "the remedy is named" says err '--help'
check "no workers are refused" expect_status 2 "$wordcount" --workers=0
check "the refusal names the option" says err '--workers'
check "an unknown mode is refused" expect_status 2 "$wordcount" --mode=fork
check "the modes that there are, are named" says err 'thread,process'
check "--help is exit status 0" expect_status 0 "$wordcount" --help
check "--help names the exit status" says out 'Exit status'

# --- Workers held by a named pipe.
mkfifo pipe
# holders: the pids of the worker processes that have the pipe open
holders() {
  for process in /proc/[0-9]*; do
    case $(cat "$process/comm" 2>/dev/null) in
      counter*) ls -l "$process/fd" 2>/dev/null | grep -q "$dir/pipe" && echo "${process#/proc/}" ;;
    esac
  done
  true
}
nobody_holds() { [ -z "$(holders)" ]; }
somebody_holds() { ! nobody_holds; }

"$wordcount" --mode=process --workers=2 pipe readable >out 2>err &
program=$!
exec 9>pipe # returns when a worker opens it
check "a worker holds the pipe" wait_until somebody_holds
kill -KILL "$(holders)"
wait $program
check "a killed worker is exit status 3" [ $? -eq 3 ]
exec 9>&-
check "the killed worker is named, with its end" says err "^wordcount: 'counter [12]' was killed by SIGKILL.*missing$"
check "what the other counted is there" cmp out wanted_rest
check "no progress is shown where stderr is no terminal" says_not err '%'

for mode in thread process; do
  "$wordcount" --mode=$mode --workers=2 pipe readable >out 2>err &
  program=$!
  exec 9>pipe
  kill -TERM $program
  wait $program
  check "$mode: ended by SIGTERM is what its parent sees" [ $? -eq 143 ]
  check "$mode: no worker is left" nobody_holds
  check "$mode: no half result is printed" [ ! -s out ]
  exec 9>&-
done

if command -v script >/dev/null; then
  for mode in thread process; do
    : >screen
    script -qefc "'$wordcount' --mode=$mode --workers=2 pipe readable" screen </dev/null >/dev/null 2>&1 &
    program=$!
    exec 9>pipe
    check "$mode: progress is shown on a terminal" wait_until grep -q % screen
    printf ' one' >&9
    exec 9>&-
    wait $program
    check "$mode: on a terminal, too, exit status 0" [ $? -eq 0 ]
    check "$mode: the progress line is erased before the result" says screen "$(printf '\033\\[K')2 one"

    { exec 9>pipe; wait_until grep -q % screen >&2; printf '\003'; wait_until test -e ended; } |
      { script -qefc "'$wordcount' --mode=$mode --workers=2 pipe readable" screen >/dev/null 2>&1; echo $? >status; : >ended; }
    check "$mode: Ctrl-C ends it by SIGINT" [ "$(cat status)" -eq 130 ]
    check "$mode: Ctrl-C leaves no worker" nobody_holds
    rm -f ended
  done
else
  echo "skipped: the terminal, no script(1)"
fi

exit $failed
