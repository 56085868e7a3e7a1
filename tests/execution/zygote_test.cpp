// SPDX-License-Identifier: BSL-1.0
#include "tandem/execution/zygote.hpp"

#include <dirent.h>
#include <dlfcn.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <fstream>
#include <random>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "execution/kinds.hpp"
#include "execution/starts.hpp"
#include "support/build_kind.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/seed.hpp"
#include "tandem/execution/process.hpp"
#include "tandem/os/poll.hpp"
#include "tandem/resource/pipe.hpp"

using namespace std::chrono_literals;
using tandem::ending;
using tandem_test::ContainsSubstring, tandem_test::run_in_child;

namespace {

int noticed = 1;

/// The two zygotes, or one while the other is being replaced; 0: none there.
std::vector<pid_t> zygotes(tandem::zygote& of) {
  std::vector<pid_t> found;
  for (auto const& slot : tandem::impl::zygote_access::owner(of).board().zygotes) {
    if (auto const pid = static_cast<pid_t>(slot.pid.load())) found.push_back(pid);
  }
  return found;
}

void wait_for_both(tandem::zygote& of) {
  while (zygotes(of).size() < 2) {
    tandem::impl::zygote_access::owner(of).tidy();
    std::this_thread::yield();
  }
}

int answer() { return 42; }

}  // namespace

TEST_CASE("zygote: a process starts from the program as it was", "[execution][zygote]") {
  noticed = 1;
  tandem::zygote z;
  noticed = 2;
  CHECK(tandem::process({.start = z}, [] { return noticed; }).join().value() == 1);
  CHECK(tandem::process([] { return noticed; }).join().value() == 2);
}

TEST_CASE("zygote: the program's own wait sees nothing of its processes", "[execution][zygote][host]") {
  tandem::zygote z{{.spares = 1}};
  tandem::process worker{{.start = z}, [](tandem::stop_token stop) { stop.wait(); }};
  CHECK(::waitpid(-1, nullptr, WNOHANG) == -1);
  CHECK(errno == ECHILD);
  worker.request_stop();
  CHECK(worker.join().has_value());
}

TEST_CASE("zygote: made in a program with threads, it works as well", "[execution][zygote][threads]") {
  if (tandem_test::thread_sanitized) return;  // forking a threaded program is what it cannot follow
  auto const result = run_in_child([] {
    std::atomic<bool> stop{false};
    std::thread busy([&] {
      while (!stop) std::this_thread::yield();
    });
    {
      tandem::zygote z{{.spares = 1}};
      for (int i = 0; i < 10; ++i) CHECK(tandem::process({.start = z}, &answer).join().value() == 42);
      CHECK(tandem::process({.start = z}, [] { ::_exit(7); }).join().error().exit_code() == 7);
    }
    stop = true;
    busy.join();
  });
  INFO(result.to_string());
  CHECK(result.passed());
}

TEST_CASE("zygote: keeps as many processes ready as asked, and makes new ones", "[execution][zygote][spares]") {
  tandem::zygote z{{.spares = 3}};
  for (int round = 0; round < 20; ++round) {
    while (z.ready() < 3) std::this_thread::yield();
    std::vector<tandem::process<int>> all;
    for (int i = 0; i < 5; ++i) all.emplace_back(tandem::options{.start = z}, &answer);  // two more than are ready
    for (auto& one : all) CHECK(one.join().value() == 42);
  }
  while (z.ready() < 3) std::this_thread::yield();
}

TEST_CASE("zygote: more spares than it can have are refused", "[execution][zygote][errors]") {
  CHECK_THROWS_WITH((tandem::zygote{{.spares = 65}}), ContainsSubstring("spares") && ContainsSubstring("64"));
  CHECK_THROWS_AS((tandem::zygote{{.spares = 65}}), std::invalid_argument);
}

TEST_CASE("zygote: its processes outlive it", "[execution][zygote]") {
  std::optional<tandem::zygote> z;
  z.emplace(tandem::zygote::options{.spares = 1});
  tandem::process asked{{.start = *z}, [](tandem::stop_token stop) { return stop.wait(); }};
  tandem::process spare{{.start = *z}, [](tandem::stop_token stop) { return stop.wait(); }};
  z.reset();
  asked.request_stop();
  spare.request_stop();
  CHECK(asked.join().value());
  CHECK(spare.join().value());
}

TEST_CASE("zygote: belongs to the process that made it", "[execution][zygote][host]") {
  tandem::zygote z;
  auto const result = run_in_child([&z] {
    try {
      tandem::process worker{{.start = z}, &answer};
      FAIL("started");
    } catch (std::system_error const& error) {
      CHECK(error.code() == std::errc::operation_not_permitted);
      CHECK_THAT(error.what(), ContainsSubstring("belongs"));
    }
  });
  INFO(result.to_string());
  CHECK(result.passed());
  CHECK(tandem::process({.start = z}, &answer).join().value() == 42);
}

TEST_CASE("zygote: killed, it is replaced by its standby; killed both, by a new one", "[execution][zygote][kill]") {
  tandem::zygote z{{.spares = 2}};
  for (int round = 0; round < 10; ++round) {
    wait_for_both(z);
    bool const both = round % 2 == 1;
    auto const pids = zygotes(z);
    for (std::size_t i = 0; i < (both ? pids.size() : 1); ++i) ::kill(pids[i], SIGKILL);
    for (int i = 0; i < 4; ++i) CHECK(tandem::process({.start = z}, &answer).join().value() == 42);
    tandem::pipe end;  // the road for descriptors goes on too
    tandem::process worker{{.start = z}, [](tandem::fd to) { to.write("x"); }, std::move(end.write_end)};
    CHECK(end.read_end.read_all() == "x");
  }
}

TEST_CASE("zygote: zygotes, spares and workers killed at random, every start ends in a value or a death",
          "[execution][zygote][kill]") {
  long const kills = tandem_test::repetitions(300, 10000);
  INFO("seed " << tandem_test::test_seed());
  tandem::zygote z{{.spares = 4}};
  auto& board = tandem::impl::zygote_access::owner(z).board();
  std::atomic<long> killed{0}, values{0}, deaths{0};
  std::atomic<pid_t> worker{0};
  std::atomic<bool> stop{false};
  std::thread killer([&] {
    std::mt19937_64 random(tandem_test::test_seed());
    auto const below = [&](unsigned n) { return static_cast<std::size_t>(random() % n); };
    while (killed < kills || ((values == 0 || deaths == 0) && killed < 100 * kills)) {  // until it has met both
      auto const until =
          std::chrono::steady_clock::now() + std::chrono::microseconds(below(tandem_test::sanitized ? 15000 : 1500));
      while (std::chrono::steady_clock::now() < until) std::this_thread::yield();
      pid_t pid = 0;
      switch (below(3)) {
        case 0:
          pid = static_cast<pid_t>(board.zygotes[below(2)].pid.load());
          break;
        case 1: {
          auto& slot = board.spares[below(8)];
          if (slot.phase == tandem::impl::start_slot::preparing) pid = static_cast<pid_t>(slot.pid.load());
          break;
        }
        default:
          pid = worker;
      }
      // Only this test's own: a number that was read a moment ago may be nobody's, but is not yet a stranger's.
      if (pid > 1 && ::kill(pid, SIGKILL) == 0) ++killed;
    }
    stop = true;
  });
  bool right = true;
  for (unsigned n = 0; !stop; ++n) {
    tandem::process unit{{.start = z}, [n] { return n; }};
    worker = unit.pid();
    auto const result = n % 2 == 0 ? unit.join() : (static_cast<void>(unit.get_outcome()), unit.join());
    worker = 0;
    if (result) {
      ++values;
      right = right && *result == n;
    } else {
      ++deaths;
      right = right && result.error().how() == ending::signaled && result.error().signal() == SIGKILL;
    }
  }
  killer.join();
  CHECK(right);
  CHECK(values > 0);
  CHECK(deaths > 0);
  CHECK(tandem::process({.start = z}, &answer).join().value() == 42);
}

TEST_CASE("zygote: what several threads start from spares that come and go is done once each",
          "[execution][zygote][spares]") {
  constexpr std::size_t starters = 6, most = 5000;
  auto const starts = static_cast<std::size_t>(tandem_test::repetitions(200, most));
  tandem::zygote z{{.spares = 3}};
  auto& board = tandem::impl::zygote_access::owner(z).board();
  tandem::shared<std::array<std::atomic<int>, starters * most>> done;
  std::atomic<bool> stop{false};
  std::thread killer([&] {  // of spares that sleep: who claims one then, claims a dead one, or its successor
    for (std::size_t i = 0; !stop; i = (i + 1) % 8) {
      std::this_thread::yield();
      auto const pid = static_cast<pid_t>(board.spares[i].pid.load());
      if (i == 0 && pid > 1 && board.is_ready(i)) ::kill(pid, SIGKILL);
    }
  });
  std::atomic<std::size_t> wrong{0};
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < starters; ++i) {
    threads.emplace_back([&, first = i * starts] {
      for (std::size_t n = first; n < first + starts; ++n) {
        auto const result = tandem::process({.start = z}, [done, n] { ++(*done)[n]; }).join();
        // Who serves what was served before finds its closure moved from, and aborts.
        if (result ? (*done)[n] != 1 : result.error().signal() != SIGKILL) ++wrong;
      }
    });
  }
  for (auto& one : threads) one.join();
  stop = true;
  killer.join();
  CHECK(wrong == 0);
  CHECK(std::none_of(done->begin(), done->end(), [](auto const& times) { return times > 1; }));
}

TEST_CASE("zygote: the descriptor of a process is readable, also where its death was known before",
          "[execution][zygote]") {
  tandem::zygote z;
  tandem::process unit{{.start = z}, [] { ::_exit(3); }};
  CHECK(unit.get_outcome().error().exit_code() == 3);
  REQUIRE(unit.native_handle() >= 0);
  CHECK(tandem::os::wait_ready(unit.native_handle(), POLLIN, 0) == POLLIN);
  CHECK(unit.join().error().exit_code() == 3);
}

TEST_CASE("zygote: what was loaded after it is started by a fork", "[execution][zygote][modules]") {
  tandem::zygote z;
  void* const module = ::dlopen("libanl.so.1", RTLD_NOW | RTLD_LOCAL);
  if (module == nullptr) {
    WARN("SKIP(a module to load): dlopen -> " << ::dlerror());
    return;
  }
  auto* const function = ::dlsym(module, "gai_error");
  if (function != nullptr) {
    bool const forked =
        tandem::process({.start = z}, [function] { return ::getpgid(0) > 0 && function != nullptr; }).join().value();
    CHECK(forked);
  }
  ::dlclose(module);
}
