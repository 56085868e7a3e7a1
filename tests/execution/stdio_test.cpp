// SPDX-License-Identifier: BSL-1.0
#include "tandem/execution/stdio.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <system_error>

#include "execution/kinds.hpp"
#include "execution/starts.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/error_of.hpp"
#include "support/temp_dir.hpp"
#include "tandem/resource/pipe.hpp"

using tandem::fd, tandem::stdio;
using tandem_test::temp_dir, tandem_test::ContainsSubstring;

namespace {

std::string content(std::filesystem::path const& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

void put(int descriptor, char const* text) {
  std::string_view const all(text);
  static_cast<void>(!::write(descriptor, all.data(), all.size()));
}

std::string line_of_stdin() {
  char line[64] = {};
  return std::fgets(line, sizeof line, stdin) != nullptr ? line : "";
}

}  // namespace

TEST_CASE("stdio: is the starter's own unless something is said", "[execution][stdio]") {
  CHECK(stdio().is_inherited());
  CHECK_FALSE(stdio::merge().is_inherited());
  CHECK(stdio::merge().is_merge());
  CHECK(stdio::null().descriptor());
  CHECK(stdio() == stdio());
  CHECK_FALSE(stdio() == stdio::merge());
}

TEST_CASE("stdio: a file that cannot be opened is an error at once, with its path", "[execution][stdio]") {
  temp_dir const folder;
  auto const missing = folder / "missing" / "file";
  CHECK(tandem_test::error_of([&] { stdio::read_from(missing); }) == ENOENT);
  CHECK(tandem_test::error_of([&] { stdio::write_to(missing); }) == ENOENT);
  CHECK(tandem_test::error_of([&] { stdio::append_to(missing); }) == ENOENT);
  CHECK_THROWS_WITH(stdio::read_from(missing), ContainsSubstring(missing.string()));
  CHECK_THROWS_AS(stdio(fd()), std::invalid_argument);
}

TEST_CASE("stdio: a process's streams are what it was given", "[execution][stdio]") {
  TANDEM_TEST_EACH_START(by);
  temp_dir const folder;
  std::ofstream(folder / "in") << "one line\n";
  std::ofstream(folder / "appended") << "before;";
  std::ofstream(folder / "emptied") << "before;";
  tandem::process child{{.start = by,
                         .in = stdio::read_from(folder / "in"),
                         .out = stdio::write_to(folder / "emptied"),
                         .err = stdio::append_to(folder / "appended")},
                        [] {
                          std::fputs("out", stdout);
                          put(2, "err");
                          return line_of_stdin();
                        }};
  CHECK(child.join().value() == "one line\n");
  CHECK(content(folder / "emptied") == "out");
  CHECK(content(folder / "appended") == "before;err");
}

TEST_CASE("stdio: ends of pipes, and stderr merged into stdout", "[execution][stdio]") {
  TANDEM_TEST_EACH_START(by);
  tandem::pipe to, from;
  tandem::process child{
      {.start = by, .in = std::move(to.read_end), .out = std::move(from.write_end), .err = stdio::merge()}, [] {
        auto const line = line_of_stdin();
        put(1, line.c_str());
        put(2, "and err");
      }};
  to.write_end.write("asked\n");
  CHECK(from.read_end.read_all() == "asked\nand err");  // to the end: no other copy of the write end is left
  CHECK(child.join().has_value());
}

TEST_CASE("stdio: null reads nothing and forgets what is written", "[execution][stdio]") {
  TANDEM_TEST_EACH_START(by);
  tandem::process child{{.start = by, .in = stdio::null(), .out = stdio::null(), .err = stdio::null()}, [] {
                          char byte;
                          return ::read(0, &byte, 1) == 0 && ::write(1, "x", 1) == 1 && ::write(2, "x", 1) == 1;
                        }};
  CHECK(child.join().value());
}

TEST_CASE("stdio: what was read ahead of the starter's stdin is not the process's", "[execution][stdio]") {
  temp_dir const folder;
  std::ofstream(folder / "starter") << "starter's first\nstarter's second\n";
  std::ofstream(folder / "child") << "child's\n";
  auto const result = tandem_test::run_in_child([&] {
    REQUIRE(std::freopen((folder / "starter").c_str(), "r", stdin) != nullptr);
    CHECK(line_of_stdin() == "starter's first\n");  // and all else is in the buffer
    tandem::process child{{.in = stdio::read_from(folder / "child")}, line_of_stdin};
    CHECK(child.join().value() == "child's\n");
    CHECK(line_of_stdin() == "starter's second\n");
  });
  INFO(result.to_string());
  CHECK(result.passed());
}

TEST_CASE("stdio: descriptors of standard streams as sources do not clobber each other", "[execution][stdio]") {
  temp_dir const folder;
  auto const result = tandem_test::run_in_child([&] {
    // The starter's 0, 1 and 2 go to a process's 1, 2 and 0.
    std::ofstream(folder / "in") << "in";
    fd const in = fd::open(folder / "in", O_RDONLY), one = fd::open(folder / "one", O_WRONLY | O_CREAT),
             two = fd::open(folder / "two", O_WRONLY | O_CREAT);
    REQUIRE(::dup2(one.get(), 0) == 0);
    REQUIRE(::dup2(two.get(), 1) == 1);
    REQUIRE(::dup2(in.get(), 2) == 2);
    tandem::process child{{.in = fd(2), .out = fd(0), .err = fd(1)}, [] {
                            char text[2] = {};
                            bool const read = ::read(0, text, 2) == 2 && text[1] == 'n';
                            put(1, "one");
                            put(2, "two");
                            return read;
                          }};
    CHECK(child.join().value());
  });
  CHECK(result.passed());
  CHECK(content(folder / "one") == "one");
  CHECK(content(folder / "two") == "two");
}

TEST_CASE("stdio: merge is for stderr", "[execution][stdio]") {
  try {
    tandem::process child{{.in = stdio::merge()}, [] {}};
    FAIL("no exception");
  } catch (std::invalid_argument const& error) { CHECK_THAT(error.what(), ContainsSubstring("options.in")); }
  try {
    tandem::process child{{.out = stdio::merge()}, [] {}};
    FAIL("no exception");
  } catch (std::invalid_argument const& error) { CHECK_THAT(error.what(), ContainsSubstring("options.out")); }
}

TEST_CASE("stdio: merged into a stdout that is closed, it is an error of the starter", "[execution][stdio]") {
  auto const result = tandem_test::run_in_child([] {
    ::close(1);
    CHECK(tandem_test::error_of([] { tandem::process child({.err = stdio::merge()}, [] {}); }) == EBADF);
  });
  CHECK(result.passed());
}
