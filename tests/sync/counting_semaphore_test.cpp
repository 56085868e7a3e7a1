// SPDX-License-Identifier: BSL-1.0
#include "tandem/sync/counting_semaphore.hpp"

#include <atomic>
#include <chrono>
#include <semaphore>
#include <thread>

#include "support/catch.hpp"
#include "support/probes.hpp"
#include "sync/deaths.hpp"
#include "tandem/os/process_table.hpp"

using namespace std::chrono_literals;
using tandem_test::child_process, tandem_test::in_each_home, tandem_test::place, tandem_test::processes,
    tandem_test::survives_kills, tandem_test::threads, tandem_test::verdict;

namespace {
constinit tandem::binary_semaphore counting_semaphore_made_at_compile_time{1};
}

TEMPLATE_TEST_CASE("semaphore: as many are inside as it counts, std's and ours", "[sync][semaphore]",
                   std::counting_semaphore<8>, tandem::counting_semaphore<8>) {
  TestType slots(2);
  std::atomic<int> inside{0}, most{0};
  threads::spawn_and_join(4, [&] {
    for (int i = 0; i < 2000; ++i) {
      slots.acquire();
      int const now = ++inside;
      if (now > most) most = now;
      --inside;
      slots.release();
    }
  });
  CHECK(most <= 2);
  CHECK(slots.try_acquire());
  CHECK(slots.try_acquire_for(1h));
  CHECK_FALSE(slots.try_acquire());
  CHECK_FALSE(slots.try_acquire_for(1ms));
  CHECK_FALSE(slots.try_acquire_for(-1h));
  CHECK_FALSE(slots.try_acquire_until(std::chrono::steady_clock::now()));
  CHECK_FALSE(slots.try_acquire_until(std::chrono::system_clock::now() - 1h));
  slots.release(3);
  for (int i = 0; i < 3; ++i) CHECK(slots.try_acquire());
  CHECK_FALSE(slots.try_acquire());
  CHECK(TestType::max() == 8);
}

TEST_CASE("semaphore: its size, at compile time too", "[sync][semaphore]") {
  STATIC_REQUIRE(sizeof(tandem::counting_semaphore<>) == 12);
  STATIC_REQUIRE(tandem::shareable<tandem::binary_semaphore>);
  CHECK(counting_semaphore_made_at_compile_time.try_acquire());
  CHECK_FALSE(counting_semaphore_made_at_compile_time.try_acquire());
  counting_semaphore_made_at_compile_time.release();
}

TEMPLATE_TEST_CASE("semaphore: ping-pong ends, asleep or not, in each kind of memory", "[sync][semaphore]", threads,
                   processes) {
  struct both {
    tandem::binary_semaphore ping{0}, pong{0};
    std::atomic<long> sum{0};
  };
  auto& table = place<both>();
  tandem::commons();
  TestType::spawn_and_join(2, [&](int number) {
    for (int i = 0; i < 3000; ++i) {
      if (number == 0) {
        table.ping.release();
        table.pong.acquire();
        if (table.sum != i + 1) throw std::runtime_error("out of step");
      } else {
        table.ping.acquire();
        ++table.sum;
        table.pong.release();
      }
    }
  });
  CHECK(table.sum == 3000);
}

TEST_CASE("semaphore: sleepers are woken by a release, one each", "[sync][semaphore]") {
  in_each_home<tandem::counting_semaphore<>>(
      [](auto& one) {
        auto& passed = place<std::atomic<int>>(0);
        std::vector<child_process> team;
        for (int i = 0; i < 3; ++i)
          team.emplace_back([&] {
            one.acquire();
            ++passed;
          });
        for (auto& unit : team)
          while (tandem::os::look_up_task(unit.id(), unit.id()).state != 'S') std::this_thread::yield();
        one.release(2);
        while (passed < 2) std::this_thread::yield();
        one.release();
        for (auto& unit : team) CHECK(unit.join().passed());
        CHECK_FALSE(one.try_acquire());
      },
      0);
}

TEST_CASE("semaphore: killed at every instruction of acquiring and releasing, nobody hangs",
          "[sync][semaphore][kill]") {
  using semaphore = tandem::counting_semaphore<>;
  survives_kills<semaphore>(
      1, {},
      [](semaphore& one) {
        one.acquire();
        one.release();
      },
      [](semaphore& one) -> verdict {
        if (one.try_acquire()) return one.try_acquire() ? verdict("there is more than there was") : verdict(true);
        one.release();  // what the dead one took is gone with it
        return one.try_acquire_for(3s) ? verdict(true) : verdict("a release is lost");
      },
      1);
}
