// SPDX-License-Identifier: BSL-1.0
#include "tandem/sync/condition_variable.hpp"

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

#include "support/catch.hpp"
#include "support/probes.hpp"
#include "support/random_kill.hpp"
#include "sync/deaths.hpp"
#include "tandem/os/clock.hpp"
#include "tandem/sync/condition_variable_any.hpp"

using namespace std::chrono_literals;
using tandem_test::in_each_home, tandem_test::processes, tandem_test::survives_kills_beside, tandem_test::threads,
    tandem_test::verdict;

namespace {

constinit tandem::condition_variable condition_variable_made_at_compile_time;

struct table {
  tandem::mutex lock;
  tandem::condition_variable changed;
  std::atomic<int> turn{0}, passed{0}, waiting{0};
};

struct waits_of_std {
  using mutex = std::mutex;
  using condition_variable = std::condition_variable;
};
struct waits_of_tandem {
  using mutex = tandem::mutex;
  using condition_variable = tandem::condition_variable;
};

}  // namespace

template <> inline constexpr bool tandem::enable_shareable<table> = true;

TEMPLATE_TEST_CASE("condition_variable: waits, notifications and deadlines, std's and ours",
                   "[sync][condition_variable]", waits_of_std, waits_of_tandem) {
  typename TestType::mutex mutex;
  typename TestType::condition_variable changed;
  int stage = 0;
  threads::spawn_and_join(
      3,
      [&] {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return stage >= 1; });
        if (!lock.owns_lock()) throw std::runtime_error("it does not hold the mutex");
        while (stage != 2) changed.wait(lock);
      },
      [&] {
        {
          std::lock_guard const hold(mutex);
          stage = 1;
        }
        changed.notify_all();
        {
          std::lock_guard const hold(mutex);
          stage = 2;
        }
        changed.notify_one();
        changed.notify_one();
        changed.notify_all();
      });
  std::unique_lock lock(mutex);
  CHECK_FALSE(changed.wait_for(lock, 1ms, [] { return false; }));
  CHECK(changed.wait_for(lock, -1h, [] { return true; }));
  CHECK(changed.wait_until(lock, std::chrono::steady_clock::now()) == std::cv_status::timeout);
  CHECK_FALSE(changed.wait_until(lock, std::chrono::system_clock::now() + 1ms, [] { return false; }));
  std::cv_status status;
  do status = changed.wait_for(lock, 1ms);
  while (status == std::cv_status::no_timeout);
  CHECK(lock.owns_lock());
}

TEST_CASE("condition_variable: its size, at compile time too", "[sync][condition_variable]") {
  STATIC_REQUIRE(sizeof(tandem::condition_variable) == 8);
  STATIC_REQUIRE(tandem::shareable<tandem::condition_variable>);
  condition_variable_made_at_compile_time.notify_all();
}

TEMPLATE_TEST_CASE("condition_variable: ping-pong across units, one notification each", "[sync][condition_variable]",
                   threads, processes) {
  in_each_home<table>([](table& all) {
    TestType::spawn_and_join(2, [&](int number) {
      for (int i = 0; i < 500; ++i) {
        std::unique_lock lock(all.lock);
        all.changed.wait(lock, [&] { return all.turn == number; });
        all.turn = 1 - number;
        ++all.passed;
        lock.unlock();
        all.changed.notify_one();
      }
    });
    CHECK(all.passed == 1000);
  });
}

TEST_CASE("condition_variable: a waiter whose mutex is abandoned is told so, and holds nothing",
          "[sync][condition_variable][death]") {
  in_each_home<table>([](table& all) {
    std::atomic<bool> told{false}, held{true};
    std::thread waits([&] {
      std::unique_lock lock(all.lock);
      all.waiting = 1;
      try {
        all.changed.wait(lock, [&] { return all.turn == 1; });
      } catch (tandem::owner_died const&) {
        told = true;
        held = lock.owns_lock();
      }
    });
    tandem_test::die_after([&] {
      while (all.waiting == 0) std::this_thread::yield();
      all.lock.lock();
      all.turn = 1;
      all.changed.notify_all();
    });
    waits.join();
    CHECK(told);
    CHECK_FALSE(held);
    CHECK(all.lock.recover().abandoned());
  });
}

TEST_CASE("condition_variable: killed at every instruction of notifying, those who wait get on",
          "[sync][condition_variable][kill]") {
  bool const all_at_once = GENERATE(true, false);
  std::vector<std::thread> team;
  survives_kills_beside<table>(
      3,
      [&](table& all) {  // here, before
        for (int i = 0; i < 2; ++i) {
          team.emplace_back([&all] {
            for (bool done = false; !done;) {
              try {
                std::unique_lock lock(all.lock);
                ++all.waiting;
                all.changed.wait(lock, [&] { return all.turn == 1; });
                done = true;
              } catch (tandem::owner_died const&) {
                auto const hold = all.lock.recover();
                all.turn = 1;
              }
            }
            ++all.passed;
          });
        }
      },
      [](table& all) {  // in the victim
        while (all.waiting < 2) std::this_thread::yield();
      },
      [all_at_once](table& all) {
        {
          std::lock_guard const hold(all.lock);
          all.turn = 1;
        }
        if (all_at_once) {
          all.changed.notify_all();
        } else {
          all.changed.notify_one();
          all.changed.notify_one();
        }
      },
      [&](table& all) -> verdict {
        try {  // who died before the change has not made it
          std::lock_guard const hold(all.lock);
          if (all.turn == 0) {
            all.turn = 1;
            all.changed.notify_all();
          }
        } catch (tandem::owner_died const&) {
          auto const hold = all.lock.recover();
          all.turn = 1;
          all.changed.notify_all();
        }
        bool in_time = true;
        auto const until = tandem::os::monotonic_ns() + 3'000'000'000;
        while (all.passed < 2 && in_time) in_time = tandem::os::monotonic_ns() < until;
        all.changed.notify_all();
        for (auto& one : team) one.join();
        team.clear();
        return in_time ? verdict(true) : verdict("a waiter was not woken");
      });
}

TEST_CASE("condition_variable: waiters and notifiers killed at random, nobody hangs",
          "[sync][condition_variable][kill]") {
  if (tandem_test::soaking()) tandem_test::watchdog::allow(std::chrono::hours(4));
  tandem::shared<table> all;
  constexpr int room = 4;
  auto const report = tandem_test::random_kill({
      .workers = 4,
      .kills = tandem_test::repetitions(tandem_test::sanitized ? 100 : 200, 20'000),
      .work =
          [&](int number, std::uint64_t) {
            for (;;) {
              try {
                std::unique_lock lock(all->lock);
                if (number % 2 == 0) {
                  all->changed.wait(lock, [&] { return all->turn < room; });
                  all->turn = all->turn + 1;
                } else {
                  all->changed.wait(lock, [&] { return all->turn > 0; });
                  all->turn = all->turn - 1;
                }
                ++all->passed;
                lock.unlock();
                all->changed.notify_all();
              } catch (tandem::owner_died const&) {
                auto const hold = all->lock.recover();
                all->changed.notify_all();
              }
            }
          },
      .check = [&](int) -> verdict {
        int const before = all->passed;
        auto const until = tandem::os::monotonic_ns() + 10'000'000'000;
        while (all->passed == before)
          if (tandem::os::monotonic_ns() > until) return "nobody gets on";
        return all->turn >= 0 && all->turn <= room ? verdict(true) : verdict("the count is wrong");
      },
  });
  INFO(report.to_string());
  CHECK(report.passed());
}
