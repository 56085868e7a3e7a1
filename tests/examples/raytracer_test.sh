#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
# raytracer_test.sh PROGRAM SOURCE_TREE: the picture is the same, whatever the workers and the tiles; a crash costs a tile, or nothing; what
# is wrong is said, and nothing half done is left.
. "$(dirname "$0")/checks.sh"
cp "$1" "$dir/raytracer" && cp "$2"/examples/raytracer/scenes/*.json "$dir" || exit 1
cd "$dir" || exit 1
ulimit -c 0

render() { "$dir/raytracer" "$@" --width=64 --height=36 --samples=2; }
left_over() { ls -a | grep '\.part$'; }
# The processes of a program.
renderers() { grep -lx "PPid:[[:space:]]*$1" /proc/[0-9]*/status 2>/dev/null | tr -dc '0-9\n'; }
two_renderers() { [ "$(renderers "$1" | wc -l)" -eq 2 ]; }
all_gone() { for one in "$@"; do ! kill -0 "$one" 2>/dev/null || return 1; done; }

# --- The same picture.
for scene in marbles pyramid; do
  check "$scene: it is rendered" expect_status 0 render $scene.json -o $scene.png --mode=thread --workers=1
  check "$scene: what was done is told" says err "^$scene.png: 64 x 36, 2 samples, 4 tiles by 1 threads in .* s; .*speed-up [0-9]"
  check "$scene: processes give the same" eval 'expect_status 0 render $scene.json -o again.png --mode=process && cmp $scene.png again.png'
done
for mode in thread process; do
  for how in "--workers=3 --tile=7" "--workers=2 --tile=100" "--workers=5 --tile=16384" "--workers=1 --tile=1"; do
    check "$mode, $how: the same" eval 'rm -f again.png; expect_status 0 render marbles.json -o again.png --mode=$mode $how && cmp marbles.png again.png'
  done
  check "$mode: one pixel" eval 'expect_status 0 "$dir/raytracer" marbles.json -o one.ppm --mode=$mode --width=1 --height=1 && [ "$(wc -c <one.ppm)" -eq 14 ]'
done
check "other scenes are other pictures" eval '! cmp -s marbles.png pyramid.png'
check "as PPM" eval 'expect_status 0 render marbles.json -o marbles.ppm && [ "$(head -c 13 marbles.ppm)" = "$(printf "P6\n64 36\n255")" ] && [ "$(wc -c <marbles.ppm)" -eq 6925 ]'
if command -v python3 >/dev/null; then
  cat >same.py <<'PY'
import struct, sys, zlib
png, ppm = open(sys.argv[1], "rb").read(), open(sys.argv[2], "rb").read().split(b"\n", 3)[3]
at, data = 8, b""
while at < len(png):
    size, kind = struct.unpack(">I4s", png[at:at + 8])
    if kind == b"IHDR": width, height, depth, color = struct.unpack(">IIBB", png[at + 8:at + 18])
    if kind == b"IDAT": data += png[at + 8:at + 8 + size]
    at += size + 12
assert (depth, color) == (8, 2)
data, row, pixels = zlib.decompress(data), 3 * width, b""
above = bytearray(row)
for y in range(height):
    how, line = data[y * (row + 1)], bytearray(data[y * (row + 1) + 1:(y + 1) * (row + 1)])
    for x in range(row):
        a, b, c = (line[x - 3], above[x], above[x - 3]) if x > 2 else (0, above[x], 0)
        p = a + b - c
        near = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
        line[x] = (line[x] + (0, a, b, (a + b) // 2, near)[how]) & 255
    above, pixels = line, pixels + line
sys.exit(pixels != ppm)
PY
  check "the PNG has the pixels of the PPM" python3 same.py marbles.png marbles.ppm
else
  echo "skipped: what is in a PNG, no python3"
fi

# --- A crash. Tile 3 is the second of two in the second row: 32 x 4 pixels.
check "process: a tile's crash is exit status 3" expect_status 3 render marbles.json -o lost.ppm --mode=process --crash-at=3
check "process: the tile is named, and its renderer's end" says err "^raytracer: tile 3 is lost: 'renderer [0-9]*' was killed by SIGSEGV"
od -An -v -tu1 -w3 -j13 marbles.ppm >whole
od -An -v -tu1 -w3 -j13 lost.ppm >lost
paste whole lost | awk '
  { n = NR - 1; x = n % 64; y = int(n / 64); magenta = $4 == 255 && $5 == 0 && $6 == 255; inside = x >= 32 && y >= 32 }
  inside != magenta || (!inside && ($1 != $4 || $2 != $5 || $3 != $6)) { exit bad = 1 }
  END { exit bad || NR != 64 * 36 }'
check "process: it is magenta, and all the rest as it should be" [ $? -eq 0 ]
for workers in 1 4; do
  check "process, $workers workers: tried again, it is whole" \
    eval 'rm -f again.png; expect_status 0 render marbles.json -o again.png --mode=process --workers=$workers --crash-at=3 --retries=1 && cmp marbles.png again.png && says_not err lost'
done
check "thread: a crash is the program's" eval 'rm -f gone.png; expect_status 139 render marbles.json -o gone.png --mode=thread --crash-at=3 --retries=1 && [ ! -e gone.png ]'

# --- What is wrong.
told() { # told STATUS "words of the error" ARGUMENTS...: it is, and no picture is made
  words=$2
  check "$words" refused "$@"
}
refused() {
  wanted_status=$1
  shift 2
  expect_status "$wanted_status" "$dir/raytracer" -o no.png "$@" && says err "$words" && [ ! -e no.png ]
}
told 1 '^raytracer: missing.json: No such file or directory$' missing.json
told 1 '^raytracer: \.: Is a directory$' .
printf '{\n  "camera": { "from": [0, 0, 1],, }\n}\n' >bad.json
told 1 '^raytracer: bad.json: parse error at line 2, column 33: syntax error' bad.json
sed 's/"radius": 0.35/"radius": -1/' marbles.json >bad.json
told 1 '^raytracer: bad.json: spheres\[3\].radius: a number from 0.0001 to 1e+06 is expected here, not -1$' bad.json
sed 's/"index"/"indx"/' marbles.json >bad.json
told 1 "^raytracer: bad.json: materials.crystal: there is no field 'indx': it may have kind, color, .*index" bad.json
told 2 'scene is required'
told 2 'width: Value 0 not in range 1 to 16384' marbles.json --width=0
told 2 'tile: Value 0 not in range' marbles.json --tile=0
told 2 'samples: .*not in range' marbles.json --samples=0
told 2 'workers: Value 257 not in range' marbles.json --workers=257
told 2 'height: ' marbles.json --height=many
told 2 'mode: fibre not in {thread,process}' marbles.json --mode=fibre
told 2 'crash-at: there are 240 tiles, from 0' marbles.json --crash-at=240
told 2 'raytracer --help tells' marbles.json --nonsense
check "--help" eval 'expect_status 0 "$dir/raytracer" --help && says out "Exit status"'
check "an output in no folder is told" eval 'expect_status 1 render marbles.json -o nowhere/x.png && says err "^raytracer: nowhere/x.png: cannot be written: No such file"'
mkdir folder
for output in folder /dev/null; do
  check "-o $output is refused" eval 'expect_status 1 render marbles.json -o $output && says err "^raytracer: $output: is there already, and no regular file$"'
done
check "an output without a name is told" eval 'expect_status 1 render marbles.json -o "" && says err "the output has no name"'
echo before >kept.png
check "what cannot be written whole leaves what was there" \
  eval 'expect_status 1 sh -c "trap \"\" XFSZ; ulimit -f 1; exec \"\$@\"" sh "$dir/raytracer" marbles.json -o kept.png --samples=1 && says err "^raytracer: kept.png: cannot be written: File too large$" && [ "$(cat kept.png)" = before ]'
ln -s kept.png link.png
check "a link's file is written" eval 'expect_status 0 render marbles.json -o link.png && [ -L link.png ] && cmp kept.png marbles.png'

# --- Progress, and stopping: a picture that takes minutes.
check "no progress where stderr is no terminal" says_not err %
check "progress is erased in the end" \
  eval 'expect_status 0 render marbles.json -o again.png --progress && [ "$(tr "\r" "\n" <err | tail -n 1)" = "$(printf "\033[K")$(sed -n "s/.*\(again.png: .*\)/\1/p" err)" ]'
for mode in thread process; do
  "$dir/raytracer" marbles.json -o no.png --mode=$mode --workers=2 --samples=2000 --progress 2>progress &
  program=$!
  check "$mode: --progress shows how far it is" wait_until grep -q '0 %  0 of 240 tiles' progress
  if [ $mode = process ]; then check "process: there are two renderers" wait_until two_renderers $program; fi
  all=$(renderers $program)
  kill -TERM $program
  wait $program
  check "$mode: SIGTERM ends it" [ $? -eq 143 ]
  check "$mode: it says so" says progress 'raytracer: stopped: no picture is written'
  check "$mode: no renderer is left" all_gone $all
  check "$mode: no picture is made" [ ! -e no.png ]
done
if command -v script >/dev/null; then
  script -qefc "'$dir/raytracer' marbles.json -o again.png --mode=process --width=64 --height=36 --samples=2" screen </dev/null >/dev/null 2>&1
  check "on a terminal progress is shown" says screen '0 %  0 of 4 tiles'
  check "and erased in the end" says screen "$(printf '\r\033\\[K')again.png: 64 x 36"
else
  echo "skipped: the terminal, no script(1)"
fi
check "nothing half done is left" eval '! left_over'

exit $failed
