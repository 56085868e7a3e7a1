#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
# httpd_test.sh PROGRAM SOURCE_TREE: httpd serves what is below its root and nothing else, as HTTP has it, in both modes; a crash takes one
# connection as a process, and all as a thread; it stops without a failed request, and leaves nothing behind.
. "$(dirname "$0")/checks.sh"
. "$(dirname "$0")/server_checks.sh"
httpd=$1
tree=$2
command -v curl >/dev/null || { echo "skipped: httpd's test needs curl: sudo apt-get install curl"; exit 77; }
cd "$dir" || exit 1
as_somebody=

# --- A site, and a secret beside it.
mkdir -p site/deep/er site/index 'site/we<i>rd &"x' outside
cp -r "$tree/include/tandem/core" site/
cp "$tree/LICENSE" site/
printf 'secret' >secret
printf 'secret' >outside/secret
head -c 3000000 /dev/urandom >site/binary.bin
truncate -s 60000000 site/huge
: >site/empty
printf '0123456789' >site/digits.txt
printf 'x' >'site/with space'
printf 'y' >'site/100%'
printf 'z' >"$(printf 'site/na\303\257ve?#.html')"
printf 'q' >'site/we<i>rd &"x/a:b&c'
printf '<p>index</p>' >site/index/index.html
mkfifo site/fifo
ln -s digits.txt site/link_in
ln -s ../secret site/link_out
ln -s ../outside site/folder_out
ln -s "$dir/secret" site/link_absolute
ln -s loop site/loop

# serve ARGUMENT...: with $url, $port; what it prints goes to log and complaints
serve() {
  : >log
  # A shell ignores SIGINT in what it starts in the background.
  env --default-signal=INT $as_somebody "$httpd" --port=0 --root=site "$@" >log 2>complaints 9<secret &
  server=$!
  wait_until grep -q http: log || exit 1
  url=$(sed -n 's/.*\(http:[^ ]*\) .*/\1/p' log)
  port=${url##*:}
  port=${port%/}
}
# Whether a worker has the file open.
serving() { for one in $(workers); do ls -l "/proc/$one/fd" 2>/dev/null; done | grep -q "$dir/$1"; }

# get CURL_ARGUMENT...: the body in body, the head in head; prints the status
get() { rm -f body && curl -sS --max-time 30 -D head -o body -w '%{http_code}' "$@" 2>curl_says; }
# gives STATUS CURL_ARGUMENT...
gives() {
  wanted=$1
  shift
  found=$(get "$@")
  [ "$found" = "$wanted" ] || { echo "status $found instead of $wanted; $(cat curl_says)"; false; }
}
field() { tr -d '\r' <head | sed -n "s/^$1: //p"; }
has_field() { [ "$(field "$1")" = "$2" ] || { cat head; false; }; }
# raw FORMAT: sends it as printf(1) has it, and reads to the end of the stream: in out
raw() {
  timeout 30 bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$1" && printf "$2" >&3 && cat <&3' raw "$port" "$1" >out 2>/dev/null
  status=$?
  tr -d '\r' <out >lines
  [ $status -ne 124 ] || { echo "the server did not close the connection"; false; }
}
# answers STATUS FORMAT: the status of the first response
answers() {
  raw "$2"
  found=$(sed -n '1s/^HTTP\/1\.1 \([0-9]*\) .*/\1/p' lines)
  [ "$found" = "$1" ] || { echo "status $found instead of $1"; false; }
}
responses() { tr '\n' ' ' <lines | grep -o 'HTTP/1.1 [0-9]*' | cut -d ' ' -f 2 | tr '\n' ' '; }
repeat() { head -c "$2" /dev/zero | tr '\0' "$1"; }
get_request='GET /digits.txt HTTP/1.1\r\nHost: x\r\n'
close='Connection: close\r\n\r\n'

# --- What is served, in both modes.
for mode in thread process; do
  serve --mode=$mode --workers=4
  find site -type f ! -name '*[?#% ]*' ! -path '*rd*' | sed 's/^site.//' >files
  sed "s|^|url = \"$url|; s|\$|\"|" files >config
  mkdir "got_$mode"
  sed "s|/|%|g; s|.*|output = \"got_$mode/&\"|" files | paste -d '\n' config - >all
  check "$mode: all files can be had over one connection" \
    [ "$(curl -sS --max-time 60 -K all -w '%{num_connects}\n' | awk '{ n += $1 } END { print n }')" = 1 ]
  (cd site && xargs md5sum) <files >wanted
  check "$mode: and are what they are" eval "sed 's|/|%|g' files | (cd got_$mode && xargs md5sum) | tr % / | cmp - wanted"
  rm -rf "got_$mode"

  check "$mode: an empty file" gives 200 "${url}empty"
  check "$mode: has length 0" has_field Content-Length 0
  check "$mode: a name with a space" [ "$(curl -sS "${url}with%20space")" = x ]
  check "$mode: a name with a percent sign" [ "$(curl -sS "${url}100%25")" = y ]
  check "$mode: a name with what is special in a URL" [ "$(curl -sS "${url}na%C3%AFve%3f%23.html?query=1")" = z ]
  if [ "$(printf '5.6\n%s\n' "$(uname -r)" | sort -V | head -n 1)" = 5.6 ]; then
    check "$mode: a link that stays inside" [ "$(curl -sS "${url}link_in")" = 0123456789 ]
  else
    check "$mode: a link that stays inside, which this kernel cannot tell" gives 403 "${url}link_in"
  fi

  check "$mode: HEAD" gives 200 -I "${url}digits.txt"
  cp head head_of_head
  check "$mode: the same as GET" gives 200 "${url}digits.txt"
  check "$mode: the same fields" eval 'grep -v ^Date head | cmp - head_without_date' "$(grep -v ^Date head_of_head >head_without_date)"
  check "$mode: a type by the name's ending" has_field Content-Type 'text/plain; charset=utf-8'
  gives 200 "${url}binary.bin"
  check "$mode: and for what is not known" has_field Content-Type application/octet-stream

  changed=$(gives 200 "${url}digits.txt"; field Last-Modified)
  tag=$(field ETag)
  check "$mode: not changed since: 304" gives 304 -H "If-Modified-Since: $changed" "${url}digits.txt"
  check "$mode: without a body" [ ! -s body ]
  check "$mode: an old date: 200" gives 200 -H 'If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT' "${url}digits.txt"
  check "$mode: the old forms of dates" gives 304 -H 'If-Modified-Since: Thursday, 31-Dec-65 08:49:37 GMT' "${url}digits.txt"
  check "$mode: what is no date does not count" gives 200 -H 'If-Modified-Since: yesterday' "${url}digits.txt"
  check "$mode: a tag that is known: 304" gives 304 -H "If-None-Match: \"a\", W/$tag" "${url}digits.txt"
  check "$mode: one that is not, whatever the date" \
    gives 200 -H 'If-None-Match: "a"' -H "If-Modified-Since: $changed" "${url}digits.txt"
  check "$mode: only if it is another: 412" gives 412 -H 'If-Match: "a"' "${url}digits.txt"
  check "$mode: only if it has not changed: 412" \
    gives 412 -H 'If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT' "${url}digits.txt"

  for range in 0-0=0 2-4=234 7-=789 -3=789 -30=0123456789 5-99=56789 9-99999999999999999999999=9; do
    check "$mode: range ${range%=*}" gives 206 -H "Range: bytes=${range%=*}" "${url}digits.txt"
    check "$mode: its bytes" [ "$(cat body)" = "${range#*=}" ]
  done
  gives 206 -r 2-4 "${url}digits.txt"
  check "$mode: and where they stand" has_field Content-Range 'bytes 2-4/10'
  for range in 10- -0 99-100; do check "$mode: range $range is not there: 416" gives 416 -H "Range: bytes=$range" "${url}digits.txt"; done
  check "$mode: and how much is" has_field Content-Range 'bytes */10'
  check "$mode: of an empty file nothing can be had" gives 416 -r 0-0 "${url}empty"
  for range in 4-2 0-1,3-4 a-b - 1; do
    check "$mode: range $range is not understood: all of it" gives 200 -H "Range: bytes=$range" "${url}digits.txt"
  done
  check "$mode: a part of what it was" gives 206 -r 2-4 -H "If-Range: $tag" "${url}digits.txt"
  check "$mode: all of what it is now" gives 200 -r 2-4 -H 'If-Range: "a"' "${url}digits.txt"
  check "$mode: a range of HEAD is none" gives 200 -I -H 'Range: bytes=2-4' "${url}digits.txt"
  check "$mode: a part of a large file" eval "curl -sS -r 1000000-1999999 '${url}binary.bin' >part; tail -c +1000001 site/binary.bin | head -c 1000000 | cmp - part"

  check "$mode: a folder without its slash" gives 301 "${url}deep?a=b"
  check "$mode: leads to the one with it" has_field Location '/deep/?a=b'
  gives 301 --path-as-is "${url%/}//deep"
  check "$mode: and to nowhere else" has_field Location /deep/
  check "$mode: a folder's index" [ "$(curl -sS "${url}index/")" = '<p>index</p>' ]
  check "$mode: a listing" gives 200 "${url}"
  check "$mode: has all" [ "$(grep -c '<li>' body)" -eq "$(ls site | wc -l)" ]
  check "$mode: names are escaped" says body '<a href="we%3Ci%3Erd%20%26%22x/">we&lt;i&gt;rd &amp;&quot;x/</a>'
  gives 200 "${url}we%3Ci%3Erd%20%26%22x/"
  check "$mode: a colon is no scheme" says body '<a href="a%3Ab%26c">a:b&amp;c</a>'
  check "$mode: a file is no folder" gives 404 "${url}digits.txt/"
  check "$mode: what is not there" gives 404 "${url}nothing"
  check "$mode: a named pipe is not waited for" gives 403 "${url}fifo"
  check "$mode: a loop of links" gives 403 "${url}loop"

  # --- Not out of the root.
  for target in /../secret /deep/../../secret /%2e%2e/secret /.%2E/secret /deep/%2e%2e/%2e%2e/secret ///../secret /..%2fsecret '/..\\secret' \
    /link_out /folder_out/secret /link_absolute /deep/er/../../../secret //secret /proc/self/environ "$dir/secret"; do
    # printf would take the percent signs
    raw "GET $(printf '%s' "$target" | sed 's/%/%%/g') HTTP/1.1\r\nHost: x\r\n$close"
    check "$mode: $target is refused" eval 'case $(responses) in "400 " | "403 " | "404 ") ;; *) false ;; esac && says_not out "^secret"'
  done
  raw "GET /deep/../digits.txt HTTP/1.1\r\nHost: x\r\n$close"
  check "$mode: dots inside the root are fine" says lines '^0123456789$'

  # --- Connections.
  raw "${get_request}\r\nHEAD /digits.txt HTTP/1.1\r\nHost: x\r\n\r\nGET /nothing HTTP/1.1\r\nHost: x\r\n\r\n\r\n${get_request}$close"
  check "$mode: requests in one piece are answered in their order" [ "$(responses)" = '200 200 404 200 ' ]
  check "$mode: the body of each, none of HEAD" [ "$(grep -c '^0123456789' lines)" -eq 2 ]
  raw "GET /digits.txt HTTP/1.0\r\n\r\n${get_request}\r\n"
  check "$mode: HTTP/1.0 closes, and what comes after is not in the way" [ "$(responses)" = '200 ' ]
  raw "GET /digits.txt HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\nGET /digits.txt HTTP/1.0\r\n\r\n"
  check "$mode: unless it is asked not to" [ "$(responses)" = '200 200 ' ]
  check "$mode: and says so" says lines '^Connection: keep-alive$'
  raw "${get_request}Content-Length: 5\r\n\r\nGET /${get_request}$close"
  check "$mode: a body is no request" [ "$(responses)" = '200 ' ]
  raw "GET http://example.org/digits.txt HTTP/1.1\r\nHost: x\r\n$close"
  check "$mode: a whole URL" says lines '^0123456789$'

  check "$mode: POST: 405" gives 405 -d a=b "${url}digits.txt"
  check "$mode: and what is allowed" has_field Allow 'GET, HEAD'
  check "$mode: an unknown method: 501" answers 501 "BREW / HTTP/1.1\r\nHost: x\r\n$close"
  check "$mode: no Host: 400" answers 400 "GET / HTTP/1.1\r\n\r\n"
  check "$mode: two of them: 400" answers 400 "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n"
  check "$mode: what is no host: 400" answers 400 "GET / HTTP/1.1\r\nHost: x/y\r\n\r\n"
  check "$mode: none in HTTP/1.0 is fine" answers 200 "GET / HTTP/1.0\r\n\r\n"
  check "$mode: HTTP/2: 505" answers 505 "GET / HTTP/2.0\r\nHost: x\r\n\r\n"
  check "$mode: HTTP/0.9: 400" answers 400 "GET /\r\n\r\n"
  check "$mode: what is no request: 400" answers 400 "\026\003\001\r\n\r\n"
  check "$mode: a blank too many: 400" answers 400 "GET  / HTTP/1.1\r\nHost: x\r\n\r\n"
  check "$mode: a blank before a colon: 400" answers 400 "${get_request}A : b\r\n\r\n"
  check "$mode: a folded line: 400" answers 400 "${get_request}A: b\r\n c\r\n\r\n"
  check "$mode: a zero byte: 400" answers 400 "${get_request}A: b\000c\r\n\r\n"
  check "$mode: a lone CR: 400" answers 400 "${get_request}A: b\rB: c\r\n\r\n"
  check "$mode: no path: 400" answers 400 "GET digits.txt HTTP/1.1\r\nHost: x\r\n$close"
  check "$mode: half a percent code: 400" answers 400 "GET /a%%2 HTTP/1.1\r\nHost: x\r\n$close"
  check "$mode: a zero byte in a path: 400" answers 400 "GET /digits.txt%%00.html HTTP/1.1\r\nHost: x\r\n$close"
  check "$mode: two lengths: 400" answers 400 "${get_request}Content-Length: 1\r\nContent-Length: 2\r\n\r\n"
  check "$mode: a length that is none: 400" answers 400 "${get_request}Content-Length: +1\r\n\r\n"
  check "$mode: a length and chunks: 400" answers 400 "${get_request}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"
  check "$mode: an unknown encoding: 501" answers 501 "${get_request}Transfer-Encoding: gzip\r\n\r\n"
  check "$mode: lines that end with LF alone" answers 200 "GET / HTTP/1.1\nHost: x\nConnection: close\n\n"
  check "$mode: a long line: 414" answers 414 "GET /$(repeat a 20000) HTTP/1.1\r\nHost: x\r\n\r\n"
  check "$mode: a long field: 431" answers 431 "${get_request}A: $(repeat a 40000)\r\n\r\n"
  check "$mode: many fields: 431" answers 431 "${get_request}$(repeat a 200 | sed 's/a/A: b\\r\\n/g')\r\n"
  check "$mode: it has nothing to complain of" [ ! -s complaints ]
  check "$mode: stopped, its exit status is 0" stop
done

chmod 755 "$dir"
cp "$httpd" here && chmod 755 here
printf 'x' >site/closed && chmod 000 site/closed
if [ "$(id -u)" -eq 0 ]; then as_somebody='setpriv --reuid=65534 --regid=65534 --clear-groups'; fi
if $as_somebody test -x "$dir/here" 2>/dev/null; then
  httpd=$dir/here
  serve
  check "a file that may not be read: 403" gives 403 "${url}closed"
  stop
  httpd=$1
else
  echo "skipped: permissions, no other user to be (setpriv)"
fi
as_somebody=

# --- Slow clients. hold FORMAT: a client that sends this, and then neither sends nor reads, until `release`
hold() {
  rm -f holding
  bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$1" && printf "$2" >&3 && : >holding && exec sleep 60' hold "$port" "$1" &
  holder=$!
  wait_until test -e holding
}
release() { kill $holder 2>/dev/null; wait $holder 2>/dev/null; }
for mode in thread process; do
  serve --mode=$mode --workers=2 --timeout=60000 --idle=60000
  hold "${get_request}Half: "
  for i in 1 2 3; do check "$mode: half a request holds up nobody else" gives 200 "${url}digits.txt"; done
  release
  hold "GET /huge HTTP/1.1\r\nHost: x\r\n\r\n"
  for i in 1 2 3; do check "$mode: nor does who takes no response" gives 200 "${url}digits.txt"; done
  release
  check "$mode: clients gone, it is stopped in order" stop

  serve --mode=$mode --workers=1 --timeout=300 --idle=60000
  check "$mode: half a request: 408 when its time is up" answers 408 "${get_request}Half: "
  hold "GET /huge HTTP/1.1\r\nHost: x\r\n\r\n"
  check "$mode: who takes no response is left when the time is up" gives 200 "${url}digits.txt"
  release
  stop
  serve --mode=$mode --workers=1 --timeout=60000 --idle=60000
  hold "${get_request}\r\n"
  check "$mode: an idle connection gives way" gives 200 "${url}digits.txt"
  release
  hold ''
  check "$mode: so does a silent one" gives 200 "${url}digits.txt"
  release
  hold "${get_request}\r\n"
  check "$mode: an idle connection is no reason to go on when it is told to stop" stop
  release
done

# --- Crashes.
serve --mode=process --workers=4 --crash-path=/crash
check "process: as many workers as were asked for" wait_until there_are 4
check "process: a worker has no descriptors but the declared" \
  eval '! serving secret'
curl -sS --limit-rate 30M -o slow_body "${url}huge" &
slow=$!
check "process: a download has begun" wait_until serving site/huge
for i in 1 2 3 4 5 6; do
  curl -sS --max-time 30 "${url}crash" >out 2>curl_says
  check "process: a handler that crashes: its client has no response" [ $? -eq 52 ]
  check "process: the others are served" gives 200 "${url}digits.txt"
done
wait $slow
check "process: the download beside has gone on" [ $? -eq 0 ]
check "process: and is what it should be" cmp slow_body site/huge
check "process: the dead are replaced" wait_until there_are 4
check "process: each crash is told" [ "$(grep -c "^httpd: 'worker [1-4]' was killed by SIGSEGV" complaints)" -eq 6 ]
check "process: with the function" says complaints 'httpd::crash()'
first=$(workers | head -n 1)
kill -KILL "$first"
check "process: a worker killed from outside is gone" wait_until gone "$first"
check "process: and replaced" wait_until there_are 4
check "process: which is told" wait_until says complaints "was killed by SIGKILL"
all=$(workers)
check "process: after all that, exit status 0" stop
check "process: no worker is left" eval '[ -z "$(for one in $all; do gone $one || echo $one; done)" ]'

serve --mode=process --workers=3
wait_until there_are 3
all=$(workers)
kill -KILL "$server"
ended 137
check "process: killed, it takes its workers along" all_gone

serve --mode=thread --workers=4 --crash-path=/crash
curl -sS --limit-rate 30M -o slow_body "${url}huge" 2>curl_says &
slow=$!
serving_thread() { ls -l "/proc/$server/fd" | grep -q "$dir/site/huge"; }
check "thread: a download has begun" wait_until serving_thread
curl -sS --max-time 30 "${url}crash" >out 2>curl_says
check "thread: a handler that crashes: its client has no response" [ $? -ne 0 ]
check "thread: the server is dead by that signal" ended 139
wait $slow
check "thread: the download beside is cut off" [ $? -ne 0 ]

# --- Stopping.
for mode in thread process; do
  serve --mode=$mode --workers=6 --log
  rm -f enough
  for i in 1 2 3 4; do
    # 7: the door was shut already
    (while [ ! -e enough ]; do
      curl -sS --max-time 30 -o "load_body_$i" "${url}binary.bin" 2>>"load_says_$i"
      code=$?
      if [ $code -eq 0 ]; then cmp -s "load_body_$i" site/binary.bin || code=wrong; fi
      echo $code
      [ $code -eq 0 ] || break
    done >"load_$i") &
    eval "load_$i=$!"
  done
  curl -sS --limit-rate 30M -o slow_body "${url}huge" &
  slow=$!
  check "$mode: load is there" wait_until eval '[ $(cat load_? | wc -l) -ge 8 ]'
  check "$mode: stopped under load, exit status 0" stop
  : >enough
  wait $slow
  check "$mode: the download was ended in order" [ $? -eq 0 ]
  check "$mode: and is what it should be" cmp slow_body site/huge
  for i in 1 2 3 4; do eval "wait \$load_$i"; done
  check "$mode: no request failed, but for those that came to a shut door" eval '! cat load_? | grep -v "^[07]$"'
  check "$mode: a line in the log for each" \
    [ "$(grep -c '^127.0.0.1 - - \[.*\] "GET /[a-z.]* HTTP/1.1" 200 [0-9]*$' log)" -eq $(($(cat load_? | grep -c '^0$') + 1)) ]

  serve --mode=$mode --workers=1
  rm -f slow_body queued_*
  curl -sS --limit-rate 30M -o slow_body "${url}huge" &
  slow=$!
  wait_until test -s slow_body
  for i in 1 2 3; do
    curl -sSv --max-time 30 -o "queued_body_$i" "${url}binary.bin" 2>"queued_says_$i" &
    eval "queued_$i=$!"
    wait_until grep -qs '^> GET' "queued_says_$i"
  done
  check "$mode: stopped while clients wait for a worker, exit status 0" stop
  for i in 1 2 3; do
    eval "wait \$queued_$i"
    check "$mode: one of them is served to the end" [ $? -eq 0 ]
    check "$mode: and rightly" cmp "queued_body_$i" site/binary.bin
  done
  wait $slow

  serve --mode=$mode --workers=2
  rm -f slow_body
  curl -sS --limit-rate 1M -o slow_body "${url}huge" 2>curl_says &
  slow=$!
  wait_until test -s slow_body
  kill -TERM "$server"
  refused() { curl -s --max-time 1 -o body "$url"; [ $? -ne 0 ]; }
  check "$mode: told to stop, it lets nobody in" wait_until refused
  check "$mode: and waits for a download" eval '! gone $server'
  all=$(workers)
  kill -TERM "$server"
  check "$mode: told again, it ends at once" ended 143
  check "$mode: and nothing is left" all_gone
  kill $slow 2>/dev/null
  wait $slow
done

# --- What is wrong is said.
serve --workers=1
check "a port that is taken is exit status 1" expect_status 1 "$httpd" --port="$port"
check "and named" says err "^httpd: cannot listen at --address=127.0.0.1 --port=$port: Address already in use; --port=0 takes"
stop
serve --workers=1
check "SIGINT stops it as well" eval 'kill -INT $server && ended 0'
check "a folder that does not exist is exit status 1" expect_status 1 "$httpd" --port=0 --root=nowhere
check "and named" says err '^httpd: --root=nowhere: No such file or directory$'
check "a root that is a file is exit status 1" expect_status 1 "$httpd" --port=0 --root=secret
check "and named" says err '^httpd: --root=secret: Not a directory$'
check "an address that is none is exit status 1" expect_status 1 "$httpd" --port=0 --address=here
check "and named" says err '^httpd: --address=here: '
for mode in thread process; do
  check "$mode: workers that cannot all be started are exit status 1" \
    expect_status 1 sh -c 'ulimit -n 20; exec "$@"' sh "$httpd" --mode=$mode --port=0 --root=site
  check "$mode: and why" says err '^httpd: .*Too many open files$'
done
check "output that cannot be written is exit status 1" expect_status 1 sh -c "'$httpd' --port=0 --root=site >/dev/full"
check "and named" says err '^httpd: the output cannot be written: No space left'
check "an unknown mode is exit status 2" expect_status 2 "$httpd" --mode=both
check "no workers are exit status 2" expect_status 2 "$httpd" --workers=0
check "a port that cannot be is exit status 2" expect_status 2 "$httpd" --port=65536
check "--help is exit status 0" expect_status 0 "$httpd" --help
check "--help names the exit status" says out 'Exit status'

exit $failed
