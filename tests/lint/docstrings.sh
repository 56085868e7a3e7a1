#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
# Every public class has a docstring with the three lines that nobody else writes: Shared memory, Threads..., Peer death.
set -u
find include/tandem -name '*.hpp' ! -path '*/impl/*' ! -path '*/os/*' | sort | xargs awk '
  FNR == 1 { doc = ""; private = 0 }
  /^namespace tandem::impl|^namespace impl/ { private = 1 }
  /^}  \/\/ namespace (tandem::)?impl/ { private = 0 }
  /^\/\/\// { doc = doc $0 "\n"; next }
  /^(template.*)?class [a-z_]+( final)?( : .*)? \{$/ && !/<.*> *\{/ {
    match($0, /class [a-z_]+ *(final)?( :.*)?\{$/)
    name = substr($0, RSTART + 6); sub(/[ :{].*/, "", name)
    if (!private) {
      if (doc == "") { print FILENAME ": class " name " has no docstring"; bad = 1 }
      else {
        if (doc !~ /@par Shared memory/) { print FILENAME ": class " name " does not say \"@par Shared memory\""; bad = 1 }
        if (doc !~ /@par Threads/) { print FILENAME ": class " name " does not say \"@par Threads and processes\""; bad = 1 }
        if (doc !~ /@par Peer death/) { print FILENAME ": class " name " does not say \"@par Peer death\""; bad = 1 }
      }
    }
  }
  !/^(template|  requires|requires|$)/ { doc = "" }
  END { exit bad }
'
