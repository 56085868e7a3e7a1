// SPDX-License-Identifier: BSL-1.0
#include "tandem/execution/options.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include "execution/kinds.hpp"
#include "execution/starts.hpp"
#include "support/build_kind.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/error_of.hpp"
#include "support/temp_dir.hpp"
#include "tandem/core/codec_tuple.hpp"
#include "tandem/core/codec_vector.hpp"
#include "tandem/execution/unit.hpp"
#include "tandem/os/surroundings.hpp"
#include "tandem/resource/pipe.hpp"

using namespace std::chrono_literals;
using tandem::fd, tandem::options, tandem::stdio;
using tandem_test::ContainsSubstring, tandem_test::processes_only, tandem_test::threads_only;

namespace {

/// What the options are refused with before anything is started; empty where they are not.
template <class Kind> std::string refusal(options how) {
  std::atomic<int> ran{0};
  try {
    auto unit = Kind::start(std::move(how), [&ran] { ++ran; });
    unit.join();
  } catch (std::invalid_argument const& error) {
    CHECK(ran == 0);
    return error.what();
  }
  return {};
}

std::string first_line(std::string const& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

/// Writes to each page of `bytes` on the stack.
int use_stack(std::size_t bytes) {
  auto* const room = static_cast<char volatile*>(__builtin_alloca(bytes));
  for (std::size_t at = bytes; at >= 4096; at -= 4096) room[at - 1] = 1;
  return room[bytes - 1];
}

}  // namespace

TEST_CASE("options: an aggregate in which nothing need be said", "[execution][options]") {
  static_assert(std::is_aggregate_v<options> && !std::is_copy_constructible_v<options> &&
                std::is_nothrow_move_constructible_v<options>);
  options const plain{};
  CHECK(plain.name.empty());
  options const named{.name = "parser"};
  CHECK(named.name == "parser");
}

TEST_CASE("options: go first, in braces or as a variable, and leave the result to be deduced", "[execution][options]") {
  auto const twice = [](int n) { return 2 * n; };
  options how{.name = "moved"};
  tandem::thread a{{.name = "braces"}, twice, 1};
  tandem::process b{{.name = "braces"}, twice, 2};
  tandem::process c{std::move(how), twice, 3};
  static_assert(std::is_same_v<decltype(b), tandem::process<int>> && std::is_same_v<decltype(a), tandem::thread<int>>);
  CHECK(c.name() == "moved");
  CHECK(a.join().value() + b.join().value() + c.join().value() == 12);
}

TEST_CASE("options: a wall asked of a thread is refused by name, with what to do instead", "[execution][options]") {
  std::vector<fd> kept;
  kept.push_back(fd::open("/dev/null", O_RDONLY));
  auto const refused = [](options how) { return refusal<threads_only>(std::move(how)); };
  CHECK_THAT(refused({.start = tandem::start::exec}), ContainsSubstring("options.start"));
  CHECK_THAT(refused({.die_with_parent = false}), ContainsSubstring("options.die_with_parent"));
  CHECK_THAT(refused({.adopt_orphans = true}), ContainsSubstring("options.adopt_orphans"));
  CHECK_THAT(refused({.terminal_signals = tandem::terminal_signals::keep}),
             ContainsSubstring("options.terminal_signals"));
  CHECK_THAT(refused({.report_crash = true}), ContainsSubstring("options.report_crash"));
  CHECK_THAT(refused({.timeout = 1s}), ContainsSubstring("options.timeout") && ContainsSubstring("stop_token"));
  CHECK_THAT(refused({.inherit = tandem::inherit::all}), ContainsSubstring("options.inherit"));
  CHECK_THAT(refused({.keep = std::move(kept)}), ContainsSubstring("options.keep"));
  CHECK_THAT(refused({.in = stdio::null()}), ContainsSubstring("options.in:"));
  CHECK_THAT(refused({.out = stdio::null()}), ContainsSubstring("options.out:"));
  CHECK_THAT(refused({.err = stdio::merge()}), ContainsSubstring("options.err:"));
  CHECK_THAT(refused({.environment = std::vector<std::string>{}}), ContainsSubstring("options.environment"));
  CHECK_THAT(refused({.directory = "/"}),
             ContainsSubstring("options.directory") && ContainsSubstring("or start a process"));
  CHECK(refused({.lost_writes = tandem::lost_writes::fail}).empty());  // it has none
  CHECK_THROWS_AS(tandem::spawn(tandem::mode::thread, {.timeout = 1s}, [] {}), std::invalid_argument);
}

TEMPLATE_TEST_CASE("options: a value that cannot be is refused by name", "[execution][options]", threads_only,
                   processes_only) {
  CHECK_THAT(refusal<TestType>({.nice = 20}), ContainsSubstring("options.nice: 20") && ContainsSubstring("-20 to 19"));
  CHECK_THAT(refusal<TestType>({.nice = -21}), ContainsSubstring("options.nice: -21"));
  CHECK_THAT(refusal<TestType>({.stack_size = 1000}), ContainsSubstring("options.stack_size: 1000"));
}

TEST_CASE("options: so is one that a process cannot have", "[execution][options]") {
  auto const refused = [](options how) { return refusal<processes_only>(std::move(how)); };
  CHECK_THAT(refused({.timeout = -1ns}), ContainsSubstring("options.timeout"));
  CHECK_THAT(
      refused({.environment = std::vector<std::string>{"A=1", "PLAIN"}}),
      ContainsSubstring("options.environment") && ContainsSubstring("'PLAIN'") && ContainsSubstring("NAME=value"));
  CHECK_THAT(refused({.environment = std::vector<std::string>{"=1"}}), ContainsSubstring("'=1'"));
  CHECK_THAT(refused({.environment = std::vector<std::string>{std::string("A=1\0B", 5)}}),
             ContainsSubstring("zero byte"));
  CHECK_THAT(refused({.directory = std::string("/\0x", 3)}), ContainsSubstring("options.directory"));
  CHECK_THAT(refused({.stack_size = std::size_t{1} << 50}), ContainsSubstring("options.stack_size"));
  std::vector<fd> empty(1), stream, closed;
  CHECK_THAT(refused({.keep = std::move(empty)}), ContainsSubstring("options.keep"));
  int const gone = ::dup(0);
  ::close(gone);
  closed.emplace_back(gone);
  CHECK(tandem_test::error_of([&] { refused({.keep = std::move(closed)}); }) == EBADF);
  auto const result = tandem_test::run_in_child([&] {  // it gives up its stdin
    stream.emplace_back(0);
    CHECK_THAT(refused({.keep = std::move(stream)}), ContainsSubstring("standard stream"));
  });
  CHECK(result.passed());
}

TEMPLATE_TEST_CASE("options: the name is what ps and top show", "[execution][options]", threads_only, processes_only) {
  auto unit = TestType::start({.name = "a name of more than 15"}, [] {
    auto const thread = std::to_string(::syscall(SYS_gettid)), process = std::to_string(::getpid());
    return std::pair(first_line("/proc/" + process + "/task/" + thread + "/comm"),
                     first_line("/proc/" + process + "/comm"));
  });
  auto const [thread, process] = unit.join().value();
  CHECK(thread == "a name of more ");
  CHECK(process == (TestType::mode == tandem::mode::process ? thread : first_line("/proc/self/comm")));
}

TEST_CASE("options: a process is found by its name from outside, however it was started", "[execution][options]") {
  TANDEM_TEST_EACH_START(by);
  tandem::pipe there;
  tandem::process waiter{{.name = "parser 7", .start = by},
                         [](tandem::stop_token stop, fd const& to) {
                           to.write("!");
                           stop.wait();
                         },
                         std::move(there.write_end)};
  char byte;
  REQUIRE(there.read_end.read(std::span(&byte, 1)) == 1);
  CHECK(first_line("/proc/" + std::to_string(waiter.pid()) + "/comm") == "parser 7");
}

TEST_CASE("options: a thread has the stack that was asked for", "[execution][options]") {
  if (tandem_test::thread_sanitized) return;  // it keeps most of a megabyte of its own at the top of each stack
  std::size_t const asked = GENERATE(std::size_t{128} << 10, (std::size_t{1} << 20) + 1, std::size_t{64} << 20);
  tandem::thread deep{{.stack_size = asked}, [asked] {
                        pthread_attr_t attributes;
                        std::size_t bytes = 0;
                        if (::pthread_getattr_np(::pthread_self(), &attributes) == 0)
                          ::pthread_attr_getstacksize(&attributes, &bytes);
                        ::pthread_attr_destroy(&attributes);
                        return bytes >= asked ? use_stack(asked / 2) : 0;
                      }};
  CHECK(deep.join().value() == 1);
}

TEST_CASE("options: a stack that no memory could hold is an error of the starter", "[execution][options]") {
  try {
    tandem::thread deep{{.name = "deep", .stack_size = std::size_t{1} << 60}, [] {}};
    FAIL("no exception");
  } catch (std::system_error const& error) {
    CHECK_THAT(error.what(), ContainsSubstring("deep") && ContainsSubstring("options.stack_size"));
  }
}

TEST_CASE("options: the stack of a process may grow as far as was asked", "[execution][options]") {
  TANDEM_TEST_EACH_START(by);
  auto const before = tandem::os::stack_limit();
  tandem::process deep{{.stack_size = 100 << 20, .start = by}, [] { return use_stack(90 << 20); }};
  CHECK(deep.join().value() == 1);
  if (!tandem_test::sanitized) {
    tandem::process small{{.stack_size = 1 << 20, .start = by}, [] {
                            rlimit const no_core{0, 0};
                            ::setrlimit(RLIMIT_CORE, &no_core);
                            return use_stack(2 << 20);
                          }};
    CHECK(small.join().error().signal() == SIGSEGV);
  }
  CHECK(tandem::os::stack_limit() == before);
}

TEST_CASE("options: a process forked by a thread has that thread's stack, and no more", "[execution][options]") {
  tandem::thread starter{{.stack_size = 1 << 20}, [] {
                           CHECK_THAT(refusal<processes_only>({.stack_size = 16 << 20}),
                                      ContainsSubstring("options.stack_size") && ContainsSubstring("zygote"));
                           tandem::process fits{{.stack_size = 512 << 10}, [] { return use_stack(200 << 10); }};
                           return fits.join().value();
                         }};
  CHECK(starter.join().value() == 1);
}

TEST_CASE("options: a stack above the hard limit is an error of the starter", "[execution][options]") {
  auto const result = tandem_test::run_in_child([] {
    rlimit const low{4 << 20, 4 << 20};
    REQUIRE(::setrlimit(RLIMIT_STACK, &low) == 0);
    if (::geteuid() == 0) tandem_test::give_up_privileges();  // who may raise it
    CHECK(tandem_test::error_of([] { tandem::process deep({.stack_size = 8 << 20}, [] {}); }) == EINVAL);
  });
  INFO(result.to_string());
  CHECK(result.passed());
}

TEST_CASE("options: a process has the environment and the directory that it is given", "[execution][options]") {
  TANDEM_TEST_EACH_START(by);
  tandem_test::temp_dir const folder;
  auto const path = std::filesystem::canonical(folder.path()).string();
  tandem::process child{
      {.start = by,
       .environment = std::vector<std::string>{"TANDEM_TEST_A=1", "TANDEM_TEST_B=", "TANDEM_TEST_C=x=y"},
       .directory = path},
      [] {
        std::vector<std::string> seen;
        for (char** entry = environ; *entry != nullptr; ++entry) seen.emplace_back(*entry);
        ::setenv("TANDEM_TEST_A", "changed", 1);  // it is an environment like any other
        seen.emplace_back(::getenv("TANDEM_TEST_A"));
        seen.push_back(std::filesystem::current_path().string());
        return seen;
      }};
  CHECK(child.join().value() ==
        std::vector<std::string>{"TANDEM_TEST_A=1", "TANDEM_TEST_B=", "TANDEM_TEST_C=x=y", "changed", path});
  tandem::process bare{{.start = by, .environment = std::vector<std::string>{}}, [] { return *environ == nullptr; }};
  CHECK(bare.join().value());
}

TEST_CASE("options: a directory that is not there is an error of the starter", "[execution][options]") {
  TANDEM_TEST_EACH_START(by);
  try {
    tandem::process child{{.name = "lost", .start = by, .directory = "/nowhere/at/all"}, [] {}};
    FAIL("no exception");
  } catch (std::system_error const& error) {
    CHECK(error.code() == std::errc::no_such_file_or_directory);
    CHECK_THAT(error.what(), ContainsSubstring("'lost'") && ContainsSubstring("chdir") &&
                                 ContainsSubstring("options.directory '/nowhere/at/all'"));
  }
}
