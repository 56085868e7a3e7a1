// SPDX-License-Identifier: BSL-1.0
// What is promised of every start method, many times over: that starting and killing leaves nothing behind, that busy
// threads of the starter cannot hang a start, that a death is known soon.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "execution/kinds.hpp"
#include "execution/starts.hpp"
#include "support/build_kind.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/leak_gate.hpp"
#include "support/seed.hpp"
#include "tandem/execution/process.hpp"

using tandem_test::by;

TEST_CASE("start proofs: starting and killing over and over leaves nothing behind", "[execution][start][kill]") {
  TANDEM_TEST_EACH_START(how);
  long const cycles = tandem_test::repetitions(how_by == by::exec ? 40 : 250, 10'000);
  tandem::process({.start = how}, [] {}).join();  // what is brought up once
  tandem_test::leak_gate const gate;
  for (long i = 0; i < cycles; ++i) {
    tandem::process unit{{.start = how}, [] {
                           for (;;) ::pause();
                         }};
    unit.kill(SIGKILL);
    REQUIRE(unit.join().error().signal() == SIGKILL);
  }
  if (how_by != by::spare) {  // spares come and go in the background: the gate around the test case sees to them
    for (auto const& leak : gate.leaks()) FAIL_CHECK(leak);
  }
}

TEST_CASE("start proofs: threads that allocate and print cannot hang a start", "[execution][start][threads]") {
  if (tandem_test::thread_sanitized) return;  // forking a threaded program is what it cannot follow
  TANDEM_TEST_EACH_START(how);
  tandem::start const chosen = how;
  std::atomic<bool> stop{false};
  std::vector<std::thread> busy;
  for (int i = 0; i < 4; ++i) {
    busy.emplace_back([&stop] {
      std::FILE* const null = std::fopen("/dev/null", "w");
      while (!stop.load(std::memory_order_relaxed))
        std::fputs(std::string(static_cast<std::size_t>(std::rand() % 4000), 'x').c_str(), null);
      std::fclose(null);
    });
  }
  std::atomic<long> left{tandem_test::repetitions(how_by == by::exec || tandem_test::sanitized ? 40 : 250, 1000)};
  std::atomic<int> wrong{0};
  std::vector<std::thread> starters;
  for (int i = 0; i < 8; ++i) {
    starters.emplace_back([&] {
      while (left-- > 0) {
        auto const result = tandem::process({.start = chosen}, [] {
                              return std::string(3000, 'y').size() + std::string(50, 'z').size();
                            }).join();
        if (!result || *result != 3050) ++wrong;
      }
    });
  }
  for (auto& thread : starters) thread.join();
  stop = true;
  for (auto& thread : busy) thread.join();
  CHECK(wrong == 0);
}

TEST_CASE("start proofs: who waits for a unit that is killed is woken", "[execution][start][kill]") {
  TANDEM_TEST_EACH_START(how);
  bool const outcome = GENERATE(true, false);
  std::vector<double> us;
  for (long i = 0; i < tandem_test::repetitions(20, 500); ++i) {
    tandem::shared<std::atomic<int>> there(0);
    tandem::process unit{{.start = how}, [there] {
                           *there = 1;
                           for (;;) ::pause();
                         }};
    while (*there == 0) std::this_thread::yield();
    std::atomic<bool> waiting{false};
    std::chrono::steady_clock::time_point killed;
    std::thread killer([&, pid = unit.pid()] {
      while (!waiting) std::this_thread::yield();
      killed = std::chrono::steady_clock::now();
      ::kill(pid, SIGKILL);
    });
    waiting = true;
    bool const signaled =
        outcome ? unit.get_outcome().error().signal() == SIGKILL : unit.join().error().signal() == SIGKILL;
    auto const known = std::chrono::steady_clock::now();
    killer.join();
    us.push_back(std::chrono::duration<double, std::micro>(known - killed).count());
    REQUIRE(signaled);
  }
  std::sort(us.begin(), us.end());
  std::cout << "death to " << (outcome ? "get_outcome" : "join") << " by " << how_by << ": median " << us[us.size() / 2]
            << " us, p99 " << us[us.size() * 99 / 100] << " us, of " << us.size() << '\n';
}

TEST_CASE("start proofs: a host that reaps every child does not hang a unit, and never makes a wrong outcome",
          "[execution][start][host]") {
  enum class host { wait_loop, ignore, no_child_wait, handler };
  auto const by_which = GENERATE(by::fork, by::zygote, by::spare, by::exec);
  auto const kind = GENERATE(host::wait_loop, host::ignore, host::no_child_wait, host::handler);
  CAPTURE(by_which, static_cast<int>(kind));
  auto const result = tandem_test::run_in_child([by_which, kind] {
    struct sigaction action {};
    action.sa_handler = [](int) {
      int const error = errno;
      while (::waitpid(-1, nullptr, WNOHANG) > 0) {}
      errno = error;
    };
    if (kind == host::ignore) action.sa_handler = SIG_IGN;
    if (kind == host::no_child_wait) {
      action.sa_handler = [](int) {};
      action.sa_flags = SA_NOCLDWAIT;
    }
    if (kind != host::wait_loop) ::sigaction(SIGCHLD, &action, nullptr);
    tandem_test::start_method how(by_which);
    std::atomic<bool> stop{false};
    std::thread reaper([&] {
      while (kind == host::wait_loop && !stop) ::waitpid(-1, nullptr, WNOHANG);
    });
    bool const by_zygote =
        by_which == by::zygote || by_which == by::spare;  // whose ends no wait() of the host can take
    for (long i = 0; i < tandem_test::repetitions(by_which == by::exec ? 5 : 25, 1000); ++i) {
      auto value = tandem::process({.start = how}, [i] { return i; }).join();
      REQUIRE(value.has_value());
      CHECK(*value == i);
      auto threw = tandem::process({.start = how}, []() -> int { throw std::out_of_range("x"); }).join();
      REQUIRE_FALSE(threw.has_value());
      CHECK(threw.error().how() == tandem::ending::threw);
      auto exited = tandem::process({.start = how}, [] { ::_exit(7); }).join();
      REQUIRE_FALSE(exited.has_value());
      CHECK((exited.error().exit_code() == 7 || (!by_zygote && exited.error().how() == tandem::ending::lost)));
      auto killed = tandem::process({.start = how}, [] { ::raise(SIGKILL); }).join();
      REQUIRE_FALSE(killed.has_value());
      CHECK((killed.error().signal() == SIGKILL || (!by_zygote && killed.error().how() == tandem::ending::lost)));
    }
    stop = true;
    reaper.join();
  });
  INFO(result.to_string());
  CHECK(result.passed());
}
