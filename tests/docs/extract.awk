# SPDX-License-Identifier: BSL-1.0
# extract.awk -v dir=DIR PAGE: takes the C++ of a page apart, into files in DIR:
#
#   group.cpp        all complete programs of the page, each in a namespace of its own, and all fragments; its main(LINE, arguments...) runs the
#                    program of that line of the page
#   LINE.cpp         a program that cannot stand in a namespace, or runs itself again, or must not compile
#   LINE.N.args      the arguments of run N of a program
#   LINE.N.expected  what it prints then
#   LINE.refused     the words of the error that a program must give
#   list             "LINE grouped", "LINE alone" or "LINE refused" for each program
#
# A block of C++ with `int main` is a program, any other a fragment, which need only compile. An HTML comment before a block says more:
#
#   <!-- output -->            before text: what the program above prints, stdout and stderr; before console: the same for each line "$ ./x arguments"
#   <!-- numbers vary -->      as output, where numbers are not compared
#   <!-- refused -->           before text: the program above does not compile, and its first error has these words
#   <!-- statements: ... -->   the fragment is the inside of a function, after what stands here
#   <!-- sketch -->            not C++ that compiles: left alone

function spaces_of(text) { match(text, /^ */); return RLENGTH }

/^ *```/ && !inside {
  inside = 1
  kind = $0
  gsub(/[` ]/, "", kind)
  begin = NR + 1
  block = ""
  next
}
/^ *```/ && inside {
  inside = 0
  finish()
  mark = ""
  next
}
inside { block = block $0 "\n"; next }
/^<!-- .* -->$/ {
  mark = $0
  gsub(/^<!-- | -->$/, "", mark)
  next
}
/./ { mark = "" }

function finish(   line, i, runs, part) {
  if (mark == "output" || mark == "numbers vary") {
    if (program == "") fail("output of no program")
    if (kind == "console") {
      runs = split(block, part, /(^|\n)\$ /)
      for (i = 2; i <= runs; ++i) add_run(part[i])
    } else {
      add_run("./program\n" block)
    }
  } else if (mark == "refused") {
    if (program == "") fail("words of no program")
    gsub(/\n/, " ", block)
    sub(/ +$/, "", block)
    refused[program] = block
  } else if (kind == "cpp" && mark != "sketch") {
    if (block ~ /int main\(/) {
      program = begin
      text[program] = block
      order[++programs] = program
      varies[program] = 0
    } else {
      if (mark ~ /^statements/) {
        sub(/^statements:? */, "", mark)
        block = hoist(block)
        block = "void statements() {\n" mark "\n#line " begin " \"" FILENAME "\"\n" block "}\n"
      }
      # A specialisation must stand beside the namespace of its template, not in one of our own.
      global = block ~ /(^|\n)template <>/
      fragments = fragments (global ? "" : "namespace fragment_" begin " {") "\n#line " begin " \"" FILENAME "\"\n" hoist(block) (global ? "" : "}\n")
    }
  }
}

function fail(what) { print FILENAME ":" NR ": " what >"/dev/stderr"; failed = 1 }

# "./x arguments", a line break, and what is printed.
function add_run(text,   at, arguments, name) {
  at = index(text, "\n")
  arguments = substr(text, 1, at - 1)
  sub(/^[^ ]* */, "", arguments)
  name = dir "/" program "." ++count[program]
  print arguments >(name ".args")
  text = substr(text, at + 1)
  if (text != "" && text !~ /\n$/) text = text "\n"
  printf "%s", text >(name ".expected")
  close(name ".args")
  close(name ".expected")
  if (mark == "numbers vary") print "" >(name ".vary")
}

# Moves the includes of a block to the group's top, and leaves their lines empty.
function hoist(block,   lines, n, i, out) {
  n = split(block, lines, "\n")
  for (i = 1; i < n; ++i) {
    if (lines[i] ~ /^#include/) {
      includes = includes lines[i] "\n"
      lines[i] = ""
    }
    out = out lines[i] "\n"
  }
  return out
}

END {
  if (inside) fail("a block without an end")
  # As on a terminal: what is printed comes in order, whichever stream it goes to.
  ordered = "#include <cstdio>\n[[gnu::constructor]] static void print_by_lines() { std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ); }\n"
  for (i = 1; i <= programs; ++i) {
    line = order[i]
    # A program that runs itself again (tandem::initialize) must be one.
    how = line in refused ? "refused" : text[line] ~ /(^|\n)(template <>|#define)|tandem::initialize\(/ ? "alone" : "grouped"
    print line, how >(dir "/list")
    printf "%s#line %d \"%s\"\n%s", ordered, line, FILENAME, text[line] >(dir "/" line ".cpp")
    close(dir "/" line ".cpp")
    if (how == "refused") print refused[line] >(dir "/" line ".refused")
    if (how != "grouped") continue
    body = body "namespace program_" line " {\n#line " line " \"" FILENAME "\"\n" returning(hoist(text[line])) "}\n"
    cases = cases "    case " line ": return call(program_" line "::main, argc - 1, argv + 1);\n"
  }
  if (body fragments == "") exit failed
  group = dir "/group.cpp"
  print includes "#include <chrono>\n#include <csignal>\n#include <cstdio>\n#include <cstdlib>\n#include <stdexcept>\n#include <string>" >group
  print "#include <poll.h>\n#include <sys/mman.h>\n#include <sys/prctl.h>\n#include <sys/socket.h>\n#include <sys/wait.h>\n#include <future>\n#include <map>\n#include <mutex>\n#include <optional>\n#include <span>\n#include <thread>\n#include <unistd.h>\n#include <vector>\n#include <tandem/tandem.hpp>" >group
  print ordered "namespace { using namespace std::chrono_literals; }" >group
  print body >group
  split("-Wunused-variable -Wunused-but-set-variable -Wunused-parameter -Wunused-local-typedefs", unused, " ")
  for (i in unused) print "#pragma GCC diagnostic ignored \"" unused[i] "\"" >group  # fragments end where the point is made
  print fragments >group
  print "#line 1 \"group.cpp\"\nnamespace {\n[[maybe_unused]] int call(int (*program)(), int, char**) { return program(); }" >group
  print "[[maybe_unused]] int call(int (*program)(int, char**), int argc, char** argv) { return program(argc, argv); }\n}" >group
  print "int main(int argc, char** argv) {\n  switch (argc > 1 ? std::atoi(argv[1]) : 0) {\n" cases "    default: return 99;\n  }\n}" >group
  exit failed
}

# A main that is not the program's own must return: its last brace is the block's last line.
function returning(block) {
  if (block !~ /\n}\n$/) fail("the program of line " line " should end with the brace of main")
  sub(/}\n$/, "return 0; }\n", block)
  return block
}
