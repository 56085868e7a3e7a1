// SPDX-License-Identifier: BSL-1.0
// How a process may end, for every start method.
#include "tandem/execution/process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>

#include "execution/kinds.hpp"
#include "execution/starts.hpp"
#include "execution/waits.hpp"
#include "support/build_kind.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/process_tree.hpp"
#include "support/temp_dir.hpp"
#include "tandem/core/register_exception.hpp"
#include "tandem/core/remote_exception.hpp"
#include "tandem/memory/commons.hpp"
#include "tandem/memory/impl/free_block.hpp"
#include "tandem/memory/impl/members.hpp"
#include "tandem/os/futex.hpp"
#include "tandem/resource/pipe.hpp"

using tandem::ending;
using tandem_test::by, tandem_test::ContainsSubstring, tandem_test::run_in_child, tandem_test::read_all;

namespace {

void be_quiet() {
  static_cast<void>(std::freopen("/dev/null", "w", stderr));
  rlimit const none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
}

struct sensor_error : std::runtime_error {
  using std::runtime_error::runtime_error;
};
[[maybe_unused]] bool const known = (tandem::register_exception<sensor_error>(), true);  // in a fresh program too

/// Made by nobody but the thrower.
class weather_category : public std::error_category {
 public:
  char const* name() const noexcept override { return "weather"; }
  std::string message(int code) const override { return code == 7 ? "it rains" : "it is fine"; }
};

int out = -1;
void say(char const* word) { static_cast<void>(!::write(out, word, std::char_traits<char>::length(word))); }

}  // namespace

TEST_CASE("endings: exit, _exit, quick_exit and return", "[execution][endings][start]") {
  TANDEM_TEST_EACH_START(start);
  auto exited = tandem::process{{.start = start}, [] { std::exit(3); }}.join();
  auto left = tandem::process{{.start = start}, [] { ::_exit(4); }}.join();
  auto quick = tandem::process{{.start = start}, [] { std::quick_exit(5); }}.join();
  auto zero = tandem::process{{.start = start}, [] { std::exit(0); }}.join();
  auto other = tandem::process{
      {.start = start}, [] {
        std::thread([] { std::exit(6); }).detach();
        for (;;) ::pause();
      }}.join();
  auto returned = tandem::process{{.start = start}, [] { return 7; }}.join();
  for (auto const* one : {&exited, &left, &quick, &zero, &other}) {
    REQUIRE_FALSE(one->has_value());
    CHECK(one->error().how() == ending::exited);
  }
  CHECK(exited.error().exit_code() == 3);
  CHECK(left.error().exit_code() == 4);
  CHECK(quick.error().exit_code() == 5);
  CHECK(zero.error().exit_code() == 0);  // without a value it is no success
  CHECK(other.error().exit_code() == 6);
  CHECK(returned.value() == 7);
}

TEST_CASE("endings: abort, std::terminate and what no thread catches are SIGABRT", "[execution][endings][start]") {
  TANDEM_TEST_EACH_START(start);
  auto aborted = tandem::process{
      {.start = start}, [] {
        be_quiet();
        std::abort();
      }}.join();
  auto terminated = tandem::process{
      {.start = start}, [] {
        be_quiet();
        std::terminate();
      }}.join();
  auto thrown = tandem::process{
      {.start = start}, [] {
        be_quiet();
        std::thread([] { throw std::runtime_error("in a thread"); }).join();
      }}.join();
  for (auto const* one : {&aborted, &terminated, &thrown}) {
    REQUIRE_FALSE(one->has_value());
    CHECK(one->error().how() == ending::signaled);
    CHECK(one->error().signal() == SIGABRT);
    CHECK_FALSE(one->error().core_dumped());
  }
}

TEST_CASE("endings: exceptions arrive as themselves, nested ones with what they nest", "[execution][endings][start]") {
  TANDEM_TEST_EACH_START(start);
  auto own = tandem::process{{.start = start}, [] { throw sensor_error("no reading"); }}.join();
  CHECK(own.error().how() == ending::threw);
  CHECK_THROWS_AS(own.value(), sensor_error);

  auto system = tandem::process{
      {.start = start}, [] {
        throw std::system_error(ENOSPC, std::generic_category(), "write the log");
      }}.join();
  try {
    system.value();
    FAIL("no exception");
  } catch (std::system_error const& error) {
    CHECK(error.code() == std::error_code(ENOSPC, std::generic_category()));
    CHECK_THAT(error.what(), ContainsSubstring("write the log"));
  }

  auto nested = tandem::process{
      {.start = start}, [] {
        try {
          try {
            throw sensor_error("innermost");
          } catch (...) { std::throw_with_nested(std::out_of_range("middle")); }
        } catch (...) { std::throw_with_nested(std::runtime_error("outer")); }
      }}.join();
  try {
    nested.value();
    FAIL("no exception");
  } catch (std::runtime_error const& outer) {
    CHECK(std::string(outer.what()) == "outer");
    try {
      std::rethrow_if_nested(outer);
      FAIL("nests nothing");
    } catch (std::out_of_range const& middle) {
      CHECK(std::string(middle.what()) == "middle");
      CHECK_THROWS_AS(std::rethrow_if_nested(middle), sensor_error);
    }
  }

  auto number = tandem::process{{.start = start}, [] { throw 42; }}.join();  // no class, so it has no words
  CHECK(number.error().how() == ending::threw);
}

TEST_CASE("endings: an error code of a category that is not known here keeps its number and its category's name",
          "[execution][endings][start]") {
  TANDEM_TEST_EACH_START(start);
  auto result = tandem::process{
      {.start = start}, [] {
        static weather_category const weather;
        throw std::system_error(7, weather, "look outside");
      }}.join();
  REQUIRE_FALSE(result.has_value());
  try {
    result.value();
    FAIL("no exception");
  } catch (std::exception const& error) {
    CHECK_THAT(error.what(), ContainsSubstring("look outside") && ContainsSubstring("error 7 of the category weather"));
  }
}

TEST_CASE("endings: exit and quick_exit run each what the process registered for it", "[execution][endings][start]") {
  // In a child of its own, which registers handlers for good.
  auto const how = GENERATE(by::fork, by::zygote, by::spare, by::exec);
  CAPTURE(how);
  tandem::pipe words;
  auto const in_host = run_in_child([&] {
    out = words.write_end.get();
    std::atexit([] { say("host's;"); });
    tandem_test::start_method start(how);
    auto const exits = [](tandem::fd to) {
      out = to.get();
      std::atexit([] { say("unit's;"); });
      std::at_quick_exit([] { say("wrong;"); });
      std::exit(1);
    };
    auto const exits_quickly = [](tandem::fd to) {
      out = to.get();
      std::atexit([] { say("wrong;"); });
      std::at_quick_exit([] { say("unit's quick;"); });
      std::quick_exit(2);
    };
    CHECK(tandem::process{{.start = start}, exits, words.write_end.dup()}.join().error().exit_code() == 1);
    CHECK(tandem::process{{.start = start}, exits_quickly, words.write_end.dup()}.join().error().exit_code() == 2);
    ::_exit(0);
  });
  CHECK(in_host.exit_code == 0);
  words.write_end.reset();
  CHECK(read_all(words.read_end.get()) == "unit's;unit's quick;");
}

TEST_CASE("endings: a core is told of where one was written", "[execution][endings][start]") {
  if (tandem_test::sanitized) return;  // terabytes of shadow
  TANDEM_TEST_EACH_START(start);
  auto const pattern = tandem_test::text_of("/proc/sys/kernel/core_pattern");
  rlimit limit{};
  ::getrlimit(RLIMIT_CORE, &limit);
  if (pattern.empty() || pattern[0] == '|' || pattern[0] == '/' || limit.rlim_max == 0) {
    WARN("cores are not written into the working directory here: not tested");
    return;
  }
  tandem_test::temp_dir folder;
  auto const crash = [](std::string const& where, bool with_core) {
    if (::chdir(where.c_str()) != 0) ::_exit(9);
    rlimit core{};
    ::getrlimit(RLIMIT_CORE, &core);
    core.rlim_cur = with_core ? core.rlim_max : 0;
    ::setrlimit(RLIMIT_CORE, &core);
    ::signal(SIGSEGV, SIG_DFL);
    ::raise(SIGSEGV);
  };
  auto without = tandem::process{{.start = start}, crash, folder.path().string(), false}.join();
  CHECK(without.error().signal() == SIGSEGV);
  CHECK_FALSE(without.error().core_dumped());
  CHECK(std::filesystem::is_empty(folder.path()));
  auto with = tandem::process{{.start = start}, crash, folder.path().string(), true}.join();
  CHECK(with.error().signal() == SIGSEGV);
  CHECK(with.error().core_dumped());
  CHECK_FALSE(std::filesystem::is_empty(folder.path()));
  CHECK_THAT(with.error().to_string(), ContainsSubstring("core"));
}

TEST_CASE("endings: a record that claims more bytes than its block has, or another's block, is refused",
          "[execution][process][hostile]") {
  auto& mine = *static_cast<char*>(tandem::commons().allocate(64));
  auto const lie = [](std::uint64_t offset, std::uint64_t bytes) {
    tandem::process liar{[offset, bytes]() -> std::string {
      namespace impl = tandem::impl;
      auto& slot = impl::members::at(impl::members::self());
      slot.block = offset != 0 ? offset : impl::family().offset(tandem::commons().allocate(64));
      slot.bytes = bytes;
      slot.life = impl::member_slot::returned;
      tandem::os::futex_wake(&slot.life);
      ::_exit(0);
    }};
    auto const result = liar.join();
    REQUIRE_FALSE(result.has_value());
    CHECK_THAT(result.error().what(), ContainsSubstring("not one that tandem writes"));
  };
  lie(0, tandem::impl::block_bytes_at(tandem::impl::family().offset(&mine)) + 1);
  lie(0, 1 << 20);
  lie(0, ~std::uint64_t{0});
  lie(tandem::impl::family().offset(&mine) + 16, 16);  // in the middle of a block
  lie(tandem::impl::family().heap_bytes, 16);
  tandem::commons().deallocate(&mine);  // still ours
}
