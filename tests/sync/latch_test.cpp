// SPDX-License-Identifier: BSL-1.0
#include "tandem/sync/latch.hpp"

#include <atomic>
#include <chrono>
#include <latch>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <vector>

#include "support/catch.hpp"
#include "support/probes.hpp"
#include "sync/deaths.hpp"

using namespace std::chrono_literals;
using tandem::latch, tandem::on_death;
using tandem_test::die_after, tandem_test::in_each_home, tandem_test::place, tandem_test::processes,
    tandem_test::stay_after, tandem_test::survives_kills, tandem_test::threads, tandem_test::verdict;

namespace {
constinit tandem::latch latch_made_at_compile_time{0};
}

TEMPLATE_TEST_CASE("latch: opens when all have counted down, std's and ours", "[sync][latch]", std::latch,
                   tandem::latch) {
  TestType gate(4);
  std::atomic<int> done{0};
  CHECK_FALSE(gate.try_wait());
  threads::spawn_and_join(
      3,
      [&] {
        ++done;
        gate.arrive_and_wait();
        if (done != 3) throw std::runtime_error("it opened too soon");
      },
      [&] {
        while (done < 3) std::this_thread::yield();
        gate.count_down();
      });
  CHECK(gate.try_wait());
  gate.wait();
  TestType zero(0);
  zero.wait();
  TestType several(5);
  several.count_down(2);
  several.count_down(0);
  CHECK_FALSE(several.try_wait());
  several.count_down(3);
  CHECK(several.try_wait());
}

TEST_CASE("latch: its size, deadlines, at compile time too", "[sync][latch]") {
  STATIC_REQUIRE(sizeof(latch) == 144);
  STATIC_REQUIRE(tandem::shareable<latch>);
  latch_made_at_compile_time.wait();
  latch gate(1);
  CHECK_FALSE(gate.wait_for(1ms));
  CHECK_FALSE(gate.wait_until(std::chrono::steady_clock::now() - 1s));
  CHECK_FALSE(gate.wait_until(std::chrono::system_clock::now()));
  gate.count_down();
  CHECK(gate.wait_for(-1s));
}

TEMPLATE_TEST_CASE("latch: across units, enrolled or not", "[sync][latch]", threads, processes) {
  in_each_home<latch>(
      [](latch& gate) {
        auto& done = place<std::atomic<int>>(0);
        TestType::spawn_and_join(
            4,
            [&](int number) {
              if (number % 2 == 0) {
                gate.enroll();
                gate.enroll();
              }
              ++done;
              gate.count_down();
              gate.wait();
              if (done != 4) throw std::runtime_error("it opened too soon");
            },
            [&] {
              gate.wait();
              CHECK(done == 4);
            });
        CHECK(gate.try_wait());  // of the dead, who had arrived, no word
      },
      4);
}

TEST_CASE("latch: an enrolled unit that dies before it arrives fails those who wait", "[sync][latch][death]") {
  in_each_home<latch>(
      [](latch& gate) {
        auto child = stay_after([&] { gate.enroll(); });
        CHECK_FALSE(gate.wait_for(1ms));
        std::atomic<int> told{0};
        std::vector<std::thread> team;
        team.reserve(2);
        for (int i = 0; i < 2; ++i)
          team.emplace_back([&] {
            try {
              gate.wait();
            } catch (tandem::participant_died const& error) {
              if (error.code() == std::errc::owner_dead) ++told;
            }
          });
        child.kill();
        for (auto& one : team) one.join();
        CHECK(told == 2);
        CHECK_THROWS_AS(gate.try_wait(), tandem::participant_died);
        gate.count_down(1);
        CHECK_THROWS_AS(gate.wait_for(1h), tandem::participant_died);
      },
      2);
}

TEST_CASE("latch: or counts as arrived, where that was asked for", "[sync][latch][death]") {
  in_each_home<latch>(
      [](latch& gate) {
        auto child = stay_after([&] { gate.enroll(); });
        std::thread waits([&] { gate.wait(); });
        gate.count_down();
        child.kill();
        waits.join();
        CHECK(gate.try_wait());
      },
      2, on_death::drop);
}

TEST_CASE("latch: one that has arrived may die, one that is not enrolled as well", "[sync][latch][death]") {
  in_each_home<latch>(
      [](latch& gate) {
        die_after([&] {
          gate.enroll();
          gate.count_down();
        });
        die_after([&] { gate.count_down(); });
        die_after([&] {});
        CHECK_FALSE(gate.try_wait());
        gate.count_down();
        gate.wait();
      },
      3);
}

TEST_CASE("latch: there is room for so many names", "[sync][latch][errors]") {
  latch gate(latch::room + 1);
  std::atomic<int> refused{0}, ready{0};
  threads::spawn_and_join(latch::room + 1, [&] {
    try {
      gate.enroll();
    } catch (std::system_error const& error) {
      if (error.code() == std::errc::no_buffer_space) ++refused;
    }
    ++ready;
    while (ready < static_cast<int>(latch::room) + 1) std::this_thread::yield();
    gate.count_down();
  });
  CHECK(refused == 1);
  CHECK(gate.try_wait());
}

TEST_CASE("latch: killed at every instruction of arriving, whoever waits is told", "[sync][latch][kill]") {
  survives_kills<latch>(
      1, {},
      [](latch& gate) {
        gate.enroll();
        gate.count_down();
      },
      [](latch& gate) -> verdict {
        gate.count_down();
        try {
          if (gate.wait_for(3ms)) return true;
          gate.enroll();  // killed before it was enrolled: nothing is known of it
          gate.count_down();
          return gate.wait_for(3s) ? verdict(true) : verdict("it does not open");
        } catch (tandem::participant_died const&) { return true; }
      },
      2);
}
