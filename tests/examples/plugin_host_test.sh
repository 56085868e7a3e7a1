#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
# plugin_host_test.sh PROGRAM SOURCE_TREE: as processes, bad plugins change nothing for the good one, and each is told of; as threads, the
# host has what they do, and the program lives to tell.
. "$(dirname "$0")/checks.sh"
host=$1
cd "$dir" || exit 1

# Real files, and one for each weakness.
mkdir files no_files
cp -r "$2/include/tandem/core" files/
printf 'int f() { return 0; }\n} // one too many\n' >files/braces.c
printf 'int g(); /* not closed\n' >files/comment.c
head -c 20000 /dev/zero | tr '\0' 'Z' >files/long_line
: >files/empty
printf 'na\303\257ve\n' >files/utf8
count=$(find files -type f | wc -l)
printf '\0\1' >files/binary
count=$((count + 1))

# A machine under load may take its time: only the plugin that never returns is to meet the timeout.
check "processes: what the plugins do is no failure of the host" \
  expect_status 0 "$host" --dir=files --files=1000 --timeout=3000 --jobs=2 --results=with_bad
check "the good plugin did all files" says out "^text_info  *$count  *0  *0  *0  *0 "
check "a crash is one of all files" says out "^brace_depth  *$((count - 1))  *0  *0  *1  *0 "
check "the crash is told with its file" says out "files/braces.c: 'brace_depth' was killed by SIGSEGV"
check "the run that never returned met its timeout" says out "^comment_share  *$((count - 1))  *0  *0  *0  *1 "
check "the timeout is told with its file" says out "files/comment.c: 'comment_share' was killed by SIGKILL after its timeout of 3000 ms"
check "the leak is told" says out "^similar_files  *$count .* [1-9][0-9]*\.[0-9] MB  *[1-9]"
check "nothing is shown on stderr where it is no terminal" [ ! -s err ]
if nm "$host" 2>/dev/null | grep -q __asan_init; then
  echo "skipped: the function's name, a sanitizer's report comes instead"
else
  check "the crash report names the plugin's function" says out "brace_depth.so(.*close_brace(.*+0x"
fi
check "the good plugin alone" expect_status 0 "$host" --dir=files --files=1000 --timeout=3000 --only=text_info --results=alone
grep '^text_info' with_bad >good
check "beside bad ones its results are the same" cmp good alone
check "they are right: UTF-8" says alone "files/utf8	UTF-8, 1 lines, 1 words$"
check "they are right: binary" says alone "files/binary	binary, 0 lines, 1 words$"
check "they are right: lines of a real file" says alone \
  "files/core/deadline.hpp	.*, $(wc -l <files/core/deadline.hpp) lines, $(wc -w <files/core/deadline.hpp) words$"

check "threads: the program lives to tell" expect_status 0 "$host" --mode=thread --dir=files --files=1000 --timeout=3000 --jobs=2
check "a crash was the host's" says out "^brace_depth: .*the host died: 'host of brace_depth' was killed by SIGSEGV.*files/braces.c"
check "a thread that does not return cannot be ended" \
  says out "^comment_share: .*had to be killed: a thread that does not return cannot be ended.*files/comment.c"
check "the leak is the host's" says out "^similar_files: $count of $count files done; the host lives, and has grown by [1-9][0-9]*\.[0-9] MB"
check "the scribbler changed another plugin's results, or ended the host" \
  says out "^longest_line: .*\(results of text_info, which is another plugin, were changed: [1-9]\|the host died\)"
check "the good plugin harms nobody" says out "^text_info: $count of $count files done; the host lives, and has grown by [0-9.]* MB$"

# What is wrong is said.
check "a folder that does not exist is exit status 1" expect_status 1 "$host" --dir=missing
check "and named" says err "^plugin_host: .*missing"
check "a folder without files is exit status 1" expect_status 1 "$host" --dir=no_files
check "and named" says err "no file to work on in no_files"
check "no plugin of that name is exit status 1" expect_status 1 "$host" --only=nothing
check "results that cannot be written are exit status 1" expect_status 1 "$host" --only=text_info --files=2 --dir=files --results=no/where
check "and named" says err "^plugin_host: no/where: No such file"
check "an unknown mode is exit status 2" expect_status 2 "$host" --mode=both
check "a timeout of 0 is exit status 2" expect_status 2 "$host" --timeout=0
check "no jobs are exit status 2" expect_status 2 "$host" --jobs=0
check "--help is exit status 0" expect_status 0 "$host" --help
check "--help names the exit status" says out 'Exit status'
mkdir strange
printf 'no module' >strange/text.so
check "a file that is no plugin: its runs fail, the host goes on" expect_status 0 "$host" --plugins=strange --dir=files --files=2
check "and why" says out "text.so: "

exit $failed
