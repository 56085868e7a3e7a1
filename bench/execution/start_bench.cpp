// SPDX-License-Identifier: BSL-1.0
// us from the call that starts a unit to the return of the join that has taken how it ended: threads, and processes in
// parents of several sizes. What is destroyed with the handle is in it.
#include <spawn.h>     // for posix_spawn
#include <sys/wait.h>  // for waitid
#include <unistd.h>    // for _exit, close, fork, pipe, read, write

#include <chrono>   // for steady_clock
#include <cstddef>  // for size_t
#include <future>   // for packaged_task
#include <string>   // for string, to_string
#include <thread>   // for jthread, thread

#include "execution/outside.hpp"
#include "support/balloon.hpp"
#include "support/question.hpp"
#include "tandem/execution.hpp"

#if TANDEM_BENCH_BOOST
#include <boost/process/child.hpp>
#endif

namespace tandem_bench {
namespace {

using clock = std::chrono::steady_clock;

void reap(pid_t child) {
  siginfo_t info{};
  check(::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED) == 0, "waitid");
  check(info.si_code == CLD_EXITED && info.si_status == 0, "the child's exit code");
}

void raw_fork() {
  pid_t const child = ::fork();
  if (child == 0) ::_exit(0);
  check(child > 0, "fork");
  reap(child);
}

void spawn_true() {
  pid_t child = 0;
  char name[] = "true";
  char* arguments[] = {name, nullptr};
  check(::posix_spawn(&child, "/bin/true", nullptr, nullptr, arguments, environ) == 0, "posix_spawn");
  reap(child);
}

void boost_true() {
#if TANDEM_BENCH_BOOST
  boost::process::child child("/bin/true");
  child.wait();
  check(child.exit_code() == 0, "the child's exit code");
#endif
}

// From fork to the byte that the child sends; that it exits and is reaped is not in it.
clock::duration raw_reply(std::size_t count) {
  clock::duration total{};
  for (std::size_t i = 0; i < count; ++i) {
    int ends[2];
    auto const begin = clock::now();
    check(::pipe(ends) == 0, "pipe");
    pid_t const child = ::fork();
    if (child == 0) {
      char const reply = 1;
      ::_exit(::write(ends[1], &reply, 1) == 1 ? 0 : 1);
    }
    check(child > 0, "fork");
    char reply = 0;
    check(::read(ends[0], &reply, 1) == 1 && reply == 1, "the child's byte");
    total += clock::now() - begin;
    ::close(ends[0]);
    ::close(ends[1]);
    reap(child);
  }
  return total;
}

template <class Start> auto until_outcome(Start start) {
  return [start](std::size_t count) {
    clock::duration total{};
    for (std::size_t i = 0; i < count; ++i) {
      auto const begin = clock::now();
      auto unit = start();
      check(unit.get_outcome().value() == 1, "the outcome");
      total += clock::now() - begin;
      check(unit.join().has_value(), "the join");
    }
    return total;
  };
}

}  // namespace

void questions() {
  for (auto const where : {placement::free, placement::one_cpu}) {
    std::string const place = where == placement::free ? "" : ", on one CPU";
    question("E1: thread start and join" + place, unit::us)
        .placed(where)
        .base("std::thread",
              [] {
                int result = 0;
                std::thread([&result] { result = 1; }).join();
                check(result == 1, "the result");
              })
        .peer("std::jthread",
              [] {
                int result = 0;
                std::jthread([&result] { result = 1; }).join();
                check(result == 1, "the result");
              })
        .peer("tandem::thread",
              [] {
                int result = 0;
                check(tandem::thread([&result] { result = 1; }).join().has_value(), "the outcome");
                check(result == 1, "the result");
              })
        .budget("tandem::thread", at_most(1.05));
  }

  question("thread that returns a value, start and join", unit::us)
      .about("std's through a std::packaged_task and its future.")
      .base("std::thread",
            [] {
              std::packaged_task<int()> task([] { return 1; });
              auto result = task.get_future();
              std::thread(std::move(task)).join();
              check(result.get() == 1, "the result");
            })
      .peer("tandem::thread", [] { check(tandem::thread([] { return 1; }).join().value() == 1, "the result"); });

  for (std::size_t const mb : {0U, 256U, 1024U}) {
    std::size_t const touched = (quick() ? mb / 64 : mb) << 20;
    std::string const parent = ", parent " + (mb == 0 ? "0" : std::to_string(mb) + " MB");

    question("E2: process start and join" + parent, unit::us)
        .about(
            "Private 4 KB pages, all touched. Beside tandem: in a program whose _exit is bound when it is loaded. The "
            "last two start a program, which a fork does not.")
        .surrounded_by([=] { return balloon(touched); })
        .base("fork + waitid", [] { check(plain_fork_and_wait(), "fork and waitid"); })
        .peer("the same, beside tandem", raw_fork)
        .peer("tandem::process", [] { check(tandem::process([] {}).join().has_value(), "the outcome"); })
        .peer("tandem::process, int",
              [] { check(tandem::process([] { return 1; }).join().value() == 1, "the result"); })
        .peer("posix_spawn /bin/true", spawn_true)
        .peer_if(TANDEM_BENCH_BOOST, "Boost.Process /bin/true", boost_true, "libboost-dev is not installed")
        .budget("tandem::process", at_most(1.10));

    question("process start to its outcome" + parent, unit::us)
        .about("Its exit and the join come later, and are not in it.")
        .surrounded_by([=] { return balloon(touched); })
        .base("fork + pipe", raw_reply)
        .peer("tandem::process", until_outcome([] { return tandem::process([] { return 1; }); }));
  }
  question("thread start to its outcome", unit::us)
      .about("Its exit and the join come later, and are not in it.")
      .base("tandem::thread", until_outcome([] { return tandem::thread([] { return 1; }); }));
}

}  // namespace tandem_bench
