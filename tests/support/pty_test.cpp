// SPDX-License-Identifier: BSL-1.0
#include "support/pty.hpp"

#include <unistd.h>
#include <csignal>
#include <cstdio>

#include "support/catch.hpp"

using tandem_test::on_terminal;

TEST_CASE("on_terminal: keys become signals, and lines", "[support][pty]") {
  on_terminal killed([] {
    std::puts(::isatty(0) != 0 && ::tcgetpgrp(0) == ::getpid() ? "in the foreground" : "no");
    std::fflush(stdout);
    ::pause();
  });
  REQUIRE(killed.prints("in the foreground"));
  killed.type("\x03");
  CHECK(killed.wait().signal == SIGINT);

  on_terminal reader([] {
    char line[16] = {};
    if (std::fgets(line, sizeof line, stdin) != nullptr) std::printf("read %s", line);
  });
  reader.type("abc\n");
  CHECK(reader.wait().passed());
  CHECK(reader.text().find("read abc") != std::string::npos);
}

TEST_CASE("on_terminal: is told when the program has ended", "[support][pty]") {
  on_terminal quiet([] {});
  CHECK_FALSE(quiet.prints("anything"));
  CHECK(quiet.wait().passed());
}

TEST_CASE("on_terminal: ends a program that its test has left", "[support][pty]") {
  on_terminal const left([] { ::pause(); });
}
