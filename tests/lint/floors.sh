#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
# No header includes one on a higher floor, no header of the library proper includes the doors, and no includes form a circle.
set -eu
edges=$(mktemp)
trap 'rm -f "$edges"' EXIT
cd include
awk '
  BEGIN {
    split("os core resource memory sync queue execution crew interop", order, " ")
    for (i in order) floor[order[i]] = i
  }
  function room_of(path,    part) { return split(path, part, "/") > 2 ? part[2] : "" }
  /^ *# *include *[<"]tandem\// {
    match($0, /tandem\/[^>"]*/)
    to = substr($0, RSTART, RLENGTH)
    here = room_of(FILENAME); there = room_of(to)
    print FILENAME, to > EDGES
    if (here != "" && !(here in floor)) { print FILENAME ": the room " here " is on no floor: see tests/lint/floors.sh"; bad = 1 }
    if (here != "" && there == "" && to != "tandem/config.hpp" && to != "tandem/version.hpp") {
      print FILENAME " includes " to ": rooms include what they use, not doors"; bad = 1
    }
    if (here != "" && there != "" && floor[there] + 0 > floor[here] + 0) { print FILENAME " includes " to ", on a higher floor"; bad = 1 }
    if (FILENAME == "tandem/tandem.hpp" && to ~ /interop/) { print "tandem.hpp includes " to ": interop is opt-in"; bad = 1 }
  }
  END { exit bad }
' EDGES="$edges" $(find tandem -name '*.hpp') || failed=1
tsort "$edges" >/dev/null || failed=1  # it names the members of a circle
exit "${failed:-0}"
