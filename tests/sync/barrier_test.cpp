// SPDX-License-Identifier: BSL-1.0
#include "tandem/sync/barrier.hpp"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <barrier>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/probes.hpp"
#include "support/seed.hpp"
#include "sync/deaths.hpp"
#include "sync/mutex_probes.hpp"
#include "tandem/core/shareable.hpp"
#include "tandem/os/clock.hpp"
#include "tandem/os/process_id.hpp"

using namespace std::chrono_literals;
using tandem::barrier, tandem::on_death, tandem::participant_died;
using tandem_test::child_process, tandem_test::die_after, tandem_test::in_each_home, tandem_test::place,
    tandem_test::processes, tandem_test::require, tandem_test::sleeping_thread, tandem_test::stay_after,
    tandem_test::survives_kills, tandem_test::threads, tandem_test::verdict;

namespace {

constinit barrier<> barrier_made_at_compile_time{1};

/// What a completion sees and counts, in shared memory.
struct tally {
  std::atomic<int>* arrived;
  std::atomic<int>* completed;
  int expected;

  void operator()() const noexcept {
    if (arrived->exchange(0) == expected) ++*completed;
  }
};

/// Ends its process where it is told so.
struct fatal {
  std::atomic<pid_t>* victim;
  std::atomic<int>* completed;

  void operator()() const noexcept {
    if (*victim == tandem::os::process_id()) ::raise(SIGKILL);
    ++*completed;
  }
};

}  // namespace

template <> inline constexpr bool tandem::enable_shareable<tally> = true;
template <> inline constexpr bool tandem::enable_shareable<fatal> = true;

TEMPLATE_TEST_CASE("barrier: nobody goes on before all have come, and the completion has run: std's and ours",
                   "[sync][barrier]", std::true_type, std::false_type) {
  std::atomic<int> arrived{0}, completed{0};
  auto const check = [&](auto& gate) {
    threads::spawn_and_join(4, [&] {
      for (int round = 0; round < 1000; ++round) {
        ++arrived;
        gate.arrive_and_wait();
        require(completed > round, "it went on before the phase was complete");
        gate.arrive_and_wait();
      }
    });
    CHECK(completed == 1000);
  };
  auto const completion = [&, turn = 0]() mutable noexcept {
    if (turn++ % 2 == 0 && arrived.exchange(0) == 4) ++completed;
  };
  if constexpr (TestType::value) {
    std::barrier gate(4, completion);
    check(gate);
  } else {
    barrier gate(4, completion);
    check(gate);
  }
}

TEMPLATE_TEST_CASE("barrier: arrivals are counted, tokens waited for, and some drop out: std's and ours",
                   "[sync][barrier]", std::barrier<>, barrier<>) {
  TestType gate(5);
  auto first = gate.arrive(2);
  gate.arrive_and_drop();
  auto last = gate.arrive(2);
  gate.wait(std::move(first));
  gate.wait(std::move(last));
  auto next = gate.arrive(3);  // four are expected
  std::thread([&] { gate.arrive_and_drop(); }).join();
  gate.wait(std::move(next));
  static_cast<void>(gate.arrive(2));
  gate.arrive_and_wait();
}

TEST_CASE("barrier: its size, deadlines, at compile time too", "[sync][barrier]") {
  STATIC_REQUIRE(sizeof(barrier<>) == 552);
  STATIC_REQUIRE(tandem::shareable<barrier<>>);
  STATIC_REQUIRE(tandem::shareable<barrier<tally>>);
  auto nothing = []() noexcept {};
  STATIC_REQUIRE(tandem::shareable<barrier<decltype(nothing)>>);
  struct private_memory {
    std::vector<int> list;
    void operator()() noexcept {}
  };
  STATIC_REQUIRE_FALSE(tandem::shareable<barrier<private_memory>>);
  barrier_made_at_compile_time.arrive_and_wait();
  barrier<> gate(2);
  auto const arrival = gate.arrive();
  CHECK_FALSE(gate.wait_for(arrival, 1ms));
  CHECK_FALSE(gate.wait_until(arrival, std::chrono::steady_clock::now() - 1s));
  CHECK_FALSE(gate.wait_until(arrival, std::chrono::system_clock::now()));
  static_cast<void>(gate.arrive());
  CHECK(gate.wait_for(arrival, -1s));
}

TEMPLATE_TEST_CASE("barrier: across units, with a completion", "[sync][barrier]", threads, processes) {
  auto& arrived = place<std::atomic<int>>(0);
  auto& completed = place<std::atomic<int>>(0);
  in_each_home<barrier<tally>>(
      [&](barrier<tally>& gate) {
        completed = 0;
        TestType::spawn_and_join(3, [&] {
          for (int round = 1; round <= 500; ++round) {
            ++arrived;
            gate.arrive_and_wait();
            require(completed >= round, "it went on before the phase was complete");
          }
          gate.arrive_and_drop();
        });
        CHECK(completed == 500);
      },
      3, tally{&arrived, &completed, 3});
}

TEMPLATE_TEST_CASE("barrier: more units than have names", "[sync][barrier]", threads, processes) {
  constexpr int team = static_cast<int>(barrier<>::room) + 6;
  in_each_home<barrier<>>(
      [](barrier<>& gate) {
        auto& arrived = place<std::atomic<int>>(0);
        TestType::spawn_and_join(team, [&](int number) {
          for (int round = 1; round <= 5; ++round) {
            ++arrived;
            gate.arrive_and_wait();
            require(arrived >= round * team, "it went on before all had come");
          }
          if (number % 2 == 0) {
            gate.arrive_and_drop();
          } else {
            gate.arrive_and_wait();
            arrived = 0;
            gate.arrive_and_wait();  // half of them are left
            ++arrived;
            gate.arrive_and_wait();
            require(arrived == team / 2, "it went on before the rest had come");
          }
        });
      },
      team);
}

TEST_CASE("barrier: there is room for so many names, which those who drop out leave", "[sync][barrier][errors]") {
  barrier<> gate(barrier<>::room + 1);
  std::atomic<int> refused{0}, ready{0};
  threads::spawn_and_join(barrier<>::room + 1, [&] {
    try {
      gate.enroll();
      gate.enroll();
    } catch (std::system_error const& error) {
      if (error.code() == std::errc::no_buffer_space) ++refused;
    }
    ++ready;
    while (ready < static_cast<int>(barrier<>::room) + 1) std::this_thread::yield();
    gate.arrive_and_drop();
  });
  CHECK(refused == 1);
  gate.enroll();
}

TEMPLATE_TEST_CASE("barrier: a thread that ends while it is expected is found out", "[sync][barrier][death]",
                   std::true_type, std::false_type) {
  in_each_home<barrier<>>(
      [](barrier<>& gate) {
        std::thread([&] { static_cast<void>(gate.arrive()); }).join();
        gate.arrive_and_wait();  // it had arrived
        if (TestType::value) {
          CHECK_THROWS_AS(gate.arrive_and_wait(), participant_died);
        } else {
          std::thread enrolled([&] { gate.enroll(); });
          CHECK_THROWS_AS(gate.arrive_and_wait(), participant_died);
          enrolled.join();
        }
      },
      2);
}

TEST_CASE("barrier: one that dies before it arrives fails those who wait, for good", "[sync][barrier][death]") {
  in_each_home<barrier<>>(
      [](barrier<>& gate) {
        auto child = stay_after([&] { static_cast<void>(gate.arrive()); });
        std::atomic<int> told{0}, passed{0};
        std::vector<std::thread> team;
        team.reserve(2);
        for (int i = 0; i < 2; ++i)
          team.emplace_back([&] {
            try {
              gate.arrive_and_wait();
              ++passed;
              gate.arrive_and_wait();
            } catch (participant_died const& error) {
              if (error.code() == std::errc::owner_dead) ++told;
            }
          });
        while (passed < 2) std::this_thread::yield();
        child.kill();
        for (auto& one : team) one.join();
        CHECK(told == 2);
        CHECK_THROWS_AS(gate.wait_for(gate.arrive(), 1h), participant_died);
      },
      3);
}

TEST_CASE("barrier: or drops out, where that was asked for", "[sync][barrier][death]") {
  in_each_home<barrier<>>(
      [](barrier<>& gate) {
        auto child = stay_after([&] { gate.enroll(); });
        std::atomic<int> rounds{0};
        std::thread other([&] {
          for (int i = 0; i < 100; ++i) {
            gate.arrive_and_wait();
            ++rounds;
          }
          gate.arrive_and_drop();
        });
        auto const arrival = gate.arrive();
        CHECK_FALSE(gate.wait_for(arrival, 1ms));
        CHECK(rounds == 0);
        child.kill();
        CHECK(gate.wait_for(arrival, 1h));
        for (int i = 1; i < 100; ++i) gate.arrive_and_wait();
        other.join();
        CHECK(rounds == 100);
        gate.arrive_and_wait();
        gate.arrive_and_wait();  // alone
      },
      3, on_death::drop);
}

TEST_CASE("barrier: one that dies in its completion", "[sync][barrier][death]") {
  auto& victim = place<std::atomic<pid_t>>(0);
  auto& completed = place<std::atomic<int>>(0);
  auto const die_there = [&](barrier<fatal>& gate) {
    die_after([&] {
      victim = tandem::os::process_id();
      static_cast<void>(gate.arrive());
    });
  };
  SECTION("fails those who wait") {
    in_each_home<barrier<fatal>>(
        [&](barrier<fatal>& gate) {
          auto const arrival = gate.arrive();
          die_there(gate);
          CHECK_THROWS_AS(gate.wait_for(arrival, 1h), participant_died);
        },
        2, fatal{&victim, &completed});
    CHECK(completed == 0);
  }
  SECTION("is followed by another, which calls it again") {
    in_each_home<barrier<fatal>>(
        [&](barrier<fatal>& gate) {
          completed = 0;
          auto const arrival = gate.arrive();
          die_there(gate);
          CHECK(gate.wait_for(arrival, 1h));
          gate.arrive_and_wait();
          CHECK(completed == 2);
        },
        2, fatal{&victim, &completed}, on_death::drop);
  }
}

TEST_CASE("barrier: killed at every instruction of arriving and waiting, whoever waits is told",
          "[sync][barrier][kill]") {
  auto const check = [](barrier<>& gate) -> verdict {
    try {
      auto arrival = gate.arrive();
      if (gate.wait_for(arrival, 3ms)) {  // it arrived; in the next phase it is missed
        if (gate.wait_for(gate.arrive(), 3s)) return "the dead one arrived twice";
        return "nobody is told";
      }
      gate.enroll();  // killed before it had a name: nothing is known of it
      std::thread([&] { gate.arrive_and_drop(); }).join();
      return gate.wait_for(arrival, 3s) ? verdict(true) : verdict("it does not open");
    } catch (participant_died const&) { return true; }
  };
  survives_kills<barrier<>>(
      1, {}, [](barrier<>& gate) { static_cast<void>(gate.arrive()); }, check, 2);
  survives_kills<barrier<>>(
      1, {},
      [](barrier<>& gate) {
        gate.enroll();
        static_cast<void>(gate.arrive());
      },
      check, 2);
}

TEST_CASE("barrier: killed at every instruction of dropping out, the rest goes on", "[sync][barrier][kill]") {
  survives_kills<barrier<>>(
      2, [](barrier<>& gate) { gate.enroll(); },
      [](barrier<>& gate) {
        auto const arrival = gate.arrive();
        static_cast<void>(gate.wait_for(arrival, 0s));
        gate.arrive_and_drop();
      },
      [](barrier<>& gate) -> verdict {
        for (int phase = 0; phase < 3; ++phase)
          if (!gate.wait_for(gate.arrive(), 3s)) return "it does not go on without the dead";
        return true;
      },
      2, on_death::drop);
}

TEST_CASE("barrier: killed at every instruction of the last arrival, those who sleep are woken by its end",
          "[sync][barrier][kill]") {
  bool const drops = GENERATE(false, true);
  std::vector<std::unique_ptr<sleeping_thread>> team;
  std::atomic<int> passed{0}, told{0};
  tandem_test::survives_kills_beside<barrier<>>(
      1,
      [&](barrier<>& gate) {
        passed = told = 0;
        for (int i = 0; i < 2; ++i)
          team.push_back(std::make_unique<sleeping_thread>([&] {
            try {
              if (gate.wait_for(gate.arrive(), 10s)) ++passed;
            } catch (participant_died const&) { ++told; }
          }));
      },
      [](barrier<>& gate) { gate.enroll(); }, [](barrier<>& gate) { static_cast<void>(gate.arrive()); },
      [&](barrier<>&) -> verdict {
        team.clear();
        return passed + told == 2 && (told == 0 || !drops) ? verdict(true) : verdict("a sleeper does not go on");
      },
      3, drops ? on_death::drop : on_death::fail);
}

TEST_CASE("barrier: killed at random, nobody hangs, and nobody goes on alone", "[sync][barrier][kill]") {
  if (tandem_test::soaking()) tandem_test::watchdog::allow(std::chrono::hours(4));
  INFO("TANDEM_TEST_SEED=" << tandem_test::test_seed());
  constexpr int width = 4;
  std::mt19937_64 random(tandem_test::test_seed());
  bool const drops = GENERATE(false, true);
  struct board {
    explicit board(bool drops) : gate(width, drops ? on_death::drop : on_death::fail) {}
    barrier<> gate;
    std::atomic<int> ready{0};
    std::atomic<long> rounds[width]{};
  };
  long told = 0;
  long const storms = tandem_test::repetitions(tandem_test::sanitized ? 10 : 20, 5'000);
  for (long storm = 0; storm < storms; ++storm) {
    auto& all = place<board>(drops);
    std::vector<child_process> team;
    for (int me = 0; me < width; ++me)
      team.emplace_back([&, me] {
        all.gate.enroll();
        ++all.ready;
        while (all.ready < width) std::this_thread::yield();
        try {
          for (;;) {
            all.gate.arrive_and_wait();
            long const mine = ++all.rounds[me];
            if (drops) continue;  // the living are the team then
            for (auto const& of_another : all.rounds)
              if (of_another < mine - 1) ::_exit(1);
          }
        } catch (participant_died const&) {}
      });
    while (all.ready < width) std::this_thread::yield();
    for (int victim = 0; victim < (drops ? width : 1); ++victim) {
      auto const until = tandem::os::monotonic_ns() + static_cast<std::int64_t>(random() % 300'000);
      while (tandem::os::monotonic_ns() < until) {}
      CHECK(team[static_cast<std::size_t>(victim)].kill().signal == SIGKILL);
      if (victim + 1 == width) break;
      if (!drops) continue;
      long const before = all.rounds[width - 1];
      while (all.rounds[width - 1] < before + 2) std::this_thread::yield();
    }
    if (!drops)
      for (std::size_t i = 1; i < width; ++i) told += team[i].join().passed();
  }
  if (!drops) CHECK(told == storms * (width - 1));
}
