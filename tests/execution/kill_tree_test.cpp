// SPDX-License-Identifier: BSL-1.0
// process::kill_tree, and options::adopt_orphans.
#include "tandem/execution/process.hpp"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <thread>

#include "execution/last_holder.hpp"
#include "execution/starts.hpp"
#include "execution/waits.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/error_of.hpp"
#include "support/place.hpp"
#include "support/process_tree.hpp"
#include "tandem/resource/pipe.hpp"

using tandem::ending;
using tandem_test::child_process, tandem_test::last_holder, tandem_test::place, tandem_test::run_in_child,
    tandem_test::wait_for;

namespace {

/// Raw forks: `depth` generations of three each, every one a session of its own, some suspended; if `away`, those of
/// the last generation have no parent of ours any more.
void grow(int depth, bool away, std::atomic<int>& there) {
  for (int i = 0; depth > 0 && i < 3; ++i) {
    if (::fork() != 0) continue;
    ::setsid();
    if (away && depth == 1 && ::fork() != 0) ::_exit(0);
    grow(depth - 1, away, there);
    ++there;
    if (i == 1) ::raise(SIGSTOP);
    for (;;) ::pause();
  }
}

constexpr int three_deep = 3 + 9 + 27;

}  // namespace

TEST_CASE("process: kill_tree kills all that descends from it, sessions and suspended ones too",
          "[execution][process][kill_tree]") {
  auto& there = place<std::atomic<int>>(0);
  last_holder holders;
  tandem::process worker{[&] {
    auto const held = holders.hold();
    grow(3, false, there);
    for (;;) ::pause();
  }};
  wait_for(there, three_deep);
  worker.kill_tree();
  CHECK(holders.gone(std::chrono::milliseconds(0)));
  CHECK(worker.joinable());
  CHECK(worker.join().error().signal() == SIGKILL);
}

TEST_CASE("process: with adopt_orphans kill_tree reaches those that forked away too",
          "[execution][process][kill_tree][start]") {
  TANDEM_TEST_EACH_START(start);
  static std::atomic<int>* there = nullptr;
  tandem::shared<std::atomic<int>> count(0);
  last_holder holders;
  auto held = holders.hold();
  tandem::process worker{{.start = start, .adopt_orphans = true},
                         [count](tandem::fd) {
                           there = count.get();
                           grow(3, true, *there);
                           for (;;) ::pause();
                         },
                         std::move(held)};
  wait_for(*count, three_deep);
  worker.kill_tree();
  CHECK(holders.gone(std::chrono::milliseconds(0)));
  CHECK(worker.join().error().signal() == SIGKILL);
}

TEST_CASE("process: without adopt_orphans kill_tree leaves alone who has another parent",
          "[execution][process][kill_tree]") {
  auto& there = place<std::atomic<int>>(0);
  last_holder holders;
  tandem::pipe leave;
  tandem::process worker{[&] {
    auto const held = holders.hold();
    if (::fork() == 0) {
      if (::fork() != 0) ::_exit(0);
      ::close(leave.write_end.get());
      while (::getppid() == 0) {}
      ++there;
      char none = 0;
      static_cast<void>(!::read(leave.read_end.get(), &none, 1));
      ::_exit(0);
    }
    while (::wait(nullptr) > 0) {}  // its parent: it is an orphan
    ++there;
    for (;;) ::pause();
  }};
  wait_for(there, 2);
  worker.kill_tree();
  CHECK(holders.still_there());
  leave.write_end.reset();
  CHECK(holders.gone());
  CHECK(worker.join().error().signal() == SIGKILL);
}

TEST_CASE("process: kill_tree ends a tree that keeps forking", "[execution][process][kill_tree]") {
  bool const adopts = GENERATE(true, false);
  CAPTURE(adopts);
  last_holder const holders;
  auto const result = run_in_child([&] {
    auto held = holders.hold();
    // A user of its own, where that is possible: the limit counts all of a user's, other tests' too.
    tandem_test::give_up_privileges(1'000'000 + static_cast<uid_t>(::getpid()));
    rlimit const few{60, 60};
    ::setrlimit(RLIMIT_NPROC, &few);  // refused forks are tried again
    auto& forks = place<std::atomic<int>>(0);
    tandem::process worker{{.adopt_orphans = adopts}, [&] {
                             pid_t const root = ::getpid();
                             for (;;) {
                               if (::fork() == 0) ++forks;
                               // Some leave their children behind at once; to whom, if not to the root?
                               bool const leaves = adopts && ::getpid() != root && ::getpid() % 3 == 0;
                               if (leaves && forks.load() > 20) ::_exit(0);
                               if (forks.load() > 20000) ::pause();
                             }
                           }};
    held.reset();
    wait_for(forks, 25);
    worker.kill_tree();
    CHECK(holders.gone(std::chrono::milliseconds(0)));
    CHECK_FALSE(worker.join().has_value());
  });
  INFO(result.to_string());
  CHECK(result.passed());
}

TEST_CASE("process: kill_tree of what has ended already is no error", "[execution][process][kill_tree]") {
  tandem::process done{[] { return 1; }};
  done.get_outcome();
  done.kill_tree();
  CHECK(done.join().value() == 1);
  tandem::process<int> none;
  CHECK(tandem_test::error_of([&none] { none.kill_tree(); }) == EINVAL);
}

TEST_CASE("process: kill_tree says who it may not kill, and kills all the others",
          "[execution][process][kill_tree][errors]") {
  if (::geteuid() != 0) return;  // nobody can become another user
  last_holder const holders;
  auto const result = run_in_child([&] {
    auto& there = place<std::atomic<int>>(0);
    tandem::pipe leave;
    auto held = holders.hold();
    tandem::process worker{[&] {
      if (::fork() == 0) {  // root's
        ::close(leave.write_end.get());
        ++there;
        char none = 0;
        static_cast<void>(!::read(leave.read_end.get(), &none, 1));
        ::_exit(0);
      }
      tandem_test::give_up_privileges();
      grow(1, false, there);
      for (;;) ::pause();
    }};
    held.reset();
    wait_for(there, 4);
    tandem_test::give_up_privileges();
    CHECK(tandem_test::error_of([&] { worker.kill_tree(); }) == EPERM);
    CHECK(worker.join().error().signal() == SIGKILL);
    CHECK(holders.still_there());
    leave.write_end.reset();
    CHECK(holders.gone());
  });
  INFO(result.to_string());
  CHECK(result.passed());
}

TEST_CASE("process: a number that is another process's by now is never signalled", "[execution][process][host]") {
  // The host has reaped the unit, and its number is given to a stranger by name (clone3, set_tid: for root).
  tandem::process worker{[] { ::pause(); }};
  pid_t const number = worker.pid();
  ::kill(number, SIGKILL);
  REQUIRE(::waitpid(number, nullptr, 0) == number);
  std::array<std::uint64_t, 11> arguments{};  // struct clone_args
  pid_t const wanted[] = {number};
  arguments[4] = SIGCHLD;
  arguments[8] = reinterpret_cast<std::uintptr_t>(wanted);
  arguments[9] = 1;
  auto const stranger =
      static_cast<pid_t>(::syscall(SYS_clone3, arguments.data(), arguments.size() * sizeof arguments[0]));
  if (stranger == 0) {
    for (;;) ::pause();
  }
  if (stranger != number) {
    worker.join();
    WARN("no process can be given a number here: not tested");
    return;
  }
  CHECK_FALSE(worker.kill(SIGKILL));
  CHECK_FALSE(worker.suspend());
  worker.terminate(std::chrono::milliseconds(0));
  worker.kill_tree();
  CHECK_FALSE(worker.join().has_value());
  int status = 0;
  CHECK(::waitpid(number, &status, WNOHANG | WUNTRACED) == 0);  // untouched
  ::kill(number, SIGKILL);
  CHECK(::waitpid(number, &status, 0) == number);
}
