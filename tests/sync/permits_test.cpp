// SPDX-License-Identifier: BSL-1.0
#include "tandem/sync/permits.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "support/probes.hpp"
#include "support/random_kill.hpp"
#include "sync/deaths.hpp"
#include "tandem/os/clock.hpp"

using namespace std::chrono_literals;
using tandem::permits;
using tandem_test::in_each_home, tandem_test::place, tandem_test::processes, tandem_test::run_in_child,
    tandem_test::stay_after, tandem_test::survives_kills, tandem_test::threads, tandem_test::verdict;

TEST_CASE("permits: their size, their limits, moves", "[sync][permits]") {
  STATIC_REQUIRE(sizeof(permits) == 272);
  STATIC_REQUIRE(tandem::shareable<permits>);
  CHECK_THROWS_AS(permits(65), std::invalid_argument);
  permits none(0);
  CHECK_FALSE(none.try_acquire());
  permits all(2);
  CHECK(all.available() == 2);
  auto one = all.acquire();
  auto two = all.try_acquire();
  CHECK(two.has_value());
  CHECK_FALSE(all.try_acquire());
  CHECK_FALSE(all.try_acquire_for(1ms));
  CHECK_FALSE(all.try_acquire_until(std::chrono::system_clock::now()));
  auto moved = std::move(one);
  one.release();  // NOLINT(bugprone-use-after-move): holds nothing
  CHECK(all.available() == 0);
  moved.release();
  moved.release();
  CHECK(all.available() == 1);
  moved = *std::move(two);
  two.reset();  // NOLINT(bugprone-use-after-move)
  CHECK(all.available() == 1);
}

TEMPLATE_TEST_CASE("permits: as many are inside as there are", "[sync][permits]", threads, processes) {
  in_each_home<permits>(
      [](permits& all) {
        auto& inside = place<std::atomic<int>>(0);
        TestType::spawn_and_join(4, [&] {
          for (int i = 0; i < 1000; ++i) {
            auto const held = all.acquire();
            if (++inside > 2) throw std::runtime_error("too many are inside");
            --inside;
          }
        });
        CHECK(all.available() == 2);
      },
      2U);
}

TEST_CASE("permits: what the dead held is given back, to those who wait and to those who come",
          "[sync][permits][death]") {
  in_each_home<permits>(
      [](permits& all) {
        auto child = stay_after([&] {
          static auto const one = all.acquire(), two = all.acquire();
          static_cast<void>(one), static_cast<void>(two);
        });
        CHECK_FALSE(all.try_acquire());
        std::atomic<int> passed{0};
        std::vector<std::thread> team;
        team.reserve(3);
        for (int i = 0; i < 3; ++i)
          team.emplace_back([&] {
            auto const held = all.acquire();
            ++passed;
          });
        child.kill();
        for (auto& one : team) one.join();
        CHECK(passed == 3);
        CHECK(all.available() == 2);
      },
      2U);
}

TEST_CASE("permits: given back by another thread, or behind the end of its own", "[sync][permits]") {
  in_each_home<permits>(
      [](permits& all) {
        auto held = all.try_acquire();
        std::thread([&] { held.reset(); }).join();
        CHECK(all.available() == 1);
        std::thread([&] { held = all.try_acquire(); }).join();
        auto const next = all.try_acquire_for(10s);  // of a thread that has ended
        CHECK(next.has_value());
        held.reset();
        CHECK(all.available() == 0);
      },
      1U);
}

TEST_CASE("permits: a forked child does not give back its parent's", "[sync][permits][fork]") {
  in_each_home<permits>(
      [](permits& all) {
        auto held = all.acquire();
        CHECK(run_in_child([&] {
                held.release();
                CHECK_FALSE(all.try_acquire());
              }).passed());
        CHECK(all.available() == 0);
        held.release();
        CHECK(all.available() == 1);
      },
      1U);
}

TEST_CASE("permits: killed at every instruction of acquiring and giving back, none is lost", "[sync][permits][kill]") {
  survives_kills<permits>(
      1, {}, [](permits& all) { auto const held = all.acquire(); },
      [](permits& all) -> verdict {
        auto const one = all.try_acquire_for(3s), two = all.try_acquire_for(3s);
        if (!one || !two) return "one is lost";
        return all.try_acquire() ? verdict("there is more than there was") : verdict(true);
      },
      2U);
}

TEST_CASE("permits: killed at random, none is lost and nobody hangs", "[sync][permits][kill]") {
  if (tandem_test::soaking()) tandem_test::watchdog::allow(std::chrono::hours(4));
  tandem::commons();
  tandem::shared<permits> all(2U);
  auto& rounds = place<std::atomic<long>>(0L);
  auto const report = tandem_test::random_kill({
      .workers = 4,
      .kills = tandem_test::repetitions(tandem_test::sanitized ? 100 : 200, 20'000),
      .work =
          [&](int, std::uint64_t) {
            for (;;) {
              auto const held = all->acquire();
              ++rounds;
            }
          },
      .check = [&](int) -> verdict {
        long const before = rounds;
        auto const until = tandem::os::monotonic_ns() + 10'000'000'000;
        while (rounds == before)
          if (tandem::os::monotonic_ns() > until) return "nobody gets on";
        return true;
      },
      .finally = [&]() -> verdict { return all->available() == 2 ? verdict(true) : verdict("one is lost"); },
  });
  INFO(report.to_string());
  CHECK(report.passed());
}
