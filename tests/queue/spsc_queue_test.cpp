// SPDX-License-Identifier: BSL-1.0
#include "tandem/queue/spsc_queue.hpp"

#include <signal.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "queue/elements.hpp"
#include "support/build_kind.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/kill_at_each_instruction.hpp"
#include "support/place.hpp"
#include "support/probes.hpp"
#include "support/random_kill.hpp"
#include "support/watchdog.hpp"
#include "tandem/core.hpp"
#include "tandem/execution/process.hpp"
#include "tandem/execution/thread.hpp"
#include "tandem/memory/shared.hpp"
#include "tandem/os/clock.hpp"

using namespace std::chrono_literals;
using tandem::spsc_queue, tandem::shared;
using tandem_test::make, tandem_test::number_of, tandem_test::place, tandem_test::processes, tandem_test::require,
    tandem_test::threads, tandem_test::verdict;

TEMPLATE_TEST_CASE("spsc_queue: first in, first out, and no more than its capacity", "[queue][spsc_queue]",
                   std::uint8_t, long, tandem_test::page, std::string) {
  auto const capacity = GENERATE(1, 2, 3, 7, 64, 100);
  spsc_queue<TestType> queue(capacity);
  CHECK(queue.capacity() == static_cast<std::size_t>(capacity));
  int in = 0, out = 0;
  for (int round = 0; round < 5; ++round) {
    CHECK_FALSE(queue.try_pop());
    for (int i = 0; i < capacity; ++i) {
      CHECK(queue.size() == static_cast<std::size_t>(i));
      CHECK(queue.try_push(make<TestType>(in++ % 100)));
    }
    CHECK_FALSE(queue.try_push(make<TestType>(99)));
    CHECK_FALSE(queue.push_for(make<TestType>(99), 1ms));
    int const taken = round % 2 == 0 ? capacity : (capacity + 1) / 2;
    for (int i = 0; i < taken; ++i) CHECK(number_of(queue.try_pop().value()) == out++ % 100);
    while (auto rest = queue.try_pop()) CHECK(number_of(*rest) == out++ % 100);
    CHECK(in == out);
  }
}

TEST_CASE("spsc_queue: several at once", "[queue][spsc_queue]") {
  spsc_queue<std::string> queue(4);
  std::array<std::string, 6> const words{"a", "b", "c", "d", "e", "f"};
  std::array<std::string, 3> room;
  CHECK(queue.push_some({}) == 0);
  CHECK(queue.pop_some({}) == 0);
  CHECK(queue.push_some(words) == 4);
  CHECK(queue.push_some(words, tandem::deadline::after(1ms)) == 0);
  CHECK(queue.pop_some(room) == 3);
  CHECK(room == std::array<std::string, 3>{"a", "b", "c"});
  CHECK(queue.push_all(std::span(words).subspan(4)) == 2);
  CHECK(queue.pop_some(std::span(room).first(2)) == 2);
  CHECK(room[1] == "e");
  queue.close();
  CHECK(queue.push_all(words) == 0);
  CHECK(queue.pop_some(room) == 1);
  CHECK(room[0] == "f");
  CHECK(queue.pop_some(room) == 0);
}

TEST_CASE("spsc_queue: in place", "[queue][spsc_queue]") {
  spsc_queue<tandem_test::page> queue(2);
  CHECK(queue.push_in_place([](tandem_test::page& here) { here.same.fill(1); }));
  CHECK_THROWS_WITH(queue.push_in_place([](tandem_test::page&) { throw std::runtime_error("no"); }), "no");
  CHECK(queue.push_in_place([](tandem_test::page& here) { here.same.fill(2); }));
  CHECK_FALSE(queue.push_in_place([](tandem_test::page&) {}, tandem::deadline::after(1ms)));
  int seen = 0;
  CHECK(queue.pop_in_place([&](tandem_test::page const& here) { seen = number_of(here); }));
  CHECK(seen == 1);
  CHECK_THROWS_WITH(queue.pop_in_place([](tandem_test::page&) { throw std::runtime_error("no"); }), "no");
  CHECK_FALSE(queue.pop_in_place([](tandem_test::page&) {}, tandem::deadline::after(1ms)));
  queue.close();
  CHECK_FALSE(queue.push_in_place([](tandem_test::page&) {}));
  CHECK_FALSE(queue.pop_in_place([](tandem_test::page&) {}));
}

TEST_CASE("spsc_queue: bad capacities are refused by name; its own move-only and shared elements",
          "[queue][spsc_queue][errors]") {
  CHECK_THROWS_WITH(spsc_queue<int>(0), tandem_test::ContainsSubstring("capacity"));
  CHECK_THROWS_AS(spsc_queue<int>(-1), std::invalid_argument);
  shared<std::atomic<int>> number(1);
  {
    spsc_queue<std::unique_ptr<shared<std::atomic<int>>>> queue(4);
    queue.push(std::make_unique<shared<std::atomic<int>>>(number));
    queue.push(std::make_unique<shared<std::atomic<int>>>(number));
    CHECK(*queue.pop().value() == number);
  }
  CHECK(number.use_count() == 1);
}

TEMPLATE_TEST_CASE("spsc_queue: across units, one by one and in batches", "[queue][spsc_queue]",
                   (std::pair<threads, long>), (std::pair<threads, std::string>), (std::pair<processes, long>),
                   (std::pair<processes, tandem_test::page>), (std::pair<processes, std::string>)) {
  using peers = typename TestType::first_type;
  using T = typename TestType::second_type;
  int const many = static_cast<int>(tandem_test::repetitions(tandem_test::sanitized ? 2'000 : 20'000, 2'000'000));
  auto const capacity = GENERATE(1, 5, 512);
  auto const batched = GENERATE(false, true);
  shared<spsc_queue<T>> queue(capacity);
  peers::spawn_and_join(2, [&](int side) {
    if (side == 0) {
      std::vector<T> batch;
      for (int i = 0; i < many; ++i) {
        if (!batched) {
          require(queue->push(make<T>(i)), "it was closed");
          continue;
        }
        batch.push_back(make<T>(i));
        if (batch.size() < 17 && i + 1 < many) continue;
        require(queue->push_all(batch) == batch.size(), "it was closed");
        batch.clear();
      }
      queue->close();
      return;
    }
    int next = 0;
    if (batched) {
      std::vector<T> room(13);
      while (std::size_t const n = queue->pop_some(room))
        for (std::size_t i = 0; i < n; ++i) require(number_of(room[i]) == next++, "out of order");
    } else {
      while (auto const one = queue->pop()) require(number_of(*one) == next++, "out of order");
    }
    require(next == many, "some are lost");
  });
}

TEMPLATE_TEST_CASE("spsc_queue: its ends, in units of either kind", "[queue][spsc_queue]", tandem::thread<long>,
                   tandem::process<long>) {
  shared<spsc_queue<std::string>> queue(4);
  TestType producer(
      [](auto out) {
        for (long i = 0; i < 1000; ++i) out.push(make<std::string>(static_cast<int>(i)));
        return 0L;
      },
      queue->producer());
  TestType consumer(
      [](auto in) {
        long next = 0;
        while (auto const word = in.pop()) next += number_of(*word) == static_cast<int>(next);
        return next;
      },
      queue->consumer());
  CHECK(producer.join().value() == 0);
  CHECK(consumer.join().value() == 1000);
}

TEST_CASE("spsc_queue: its ends take and give several at once, and in place", "[queue][spsc_queue]") {
  shared<spsc_queue<long>> queue(8);
  tandem::process producer(
      [](auto out) {
        std::array<long, 100> batch{};
        for (std::size_t i = 0; i < batch.size(); ++i) batch[i] = static_cast<long>(i);
        if (out.push_some(batch, tandem::deadline::never()) == 0) return false;
        bool const all = out.push_all(batch) == batch.size();
        return all && out.push_in_place([](long& here) { here = 7; });
      },
      queue->producer());
  auto in = queue->consumer();
  long sum = 0, last = 0;
  CHECK(in.pop_in_place([&](long const& here) { sum += here; }));
  std::array<long, 5> room{};
  while (std::size_t const n = in.pop_some(room))
    for (std::size_t i = 0; i < n; ++i) sum += last = room[i];
  CHECK(producer.join().value());
  CHECK(last == 7);
  CHECK(sum >= 99 * 100 / 2 + 7);
}

TEST_CASE("spsc_queue: a dead side is no reason to wait", "[queue][spsc_queue][death]") {
  shared<spsc_queue<long>> queue(2);
  auto& there = place<std::atomic<bool>>(false);
  SECTION("the producer") {
    tandem::process victim(
        [&there](auto out) {
          out.push(1);
          there = true;
          for (;;) ::pause();
        },
        queue->producer());
    while (!there) std::this_thread::yield();
    std::thread kills([&] { victim.kill(SIGKILL); });
    CHECK(queue->pop() == 1);
    CHECK(queue->pop() == std::nullopt);
    kills.join();
    CHECK_FALSE(victim.join().has_value());
  }
  SECTION("the consumer") {
    tandem::process victim(
        [&there](auto in) {
          in.pop();
          there = true;
          for (;;) ::pause();
        },
        queue->consumer());
    CHECK(queue->push(1));
    while (!there) std::this_thread::yield();
    std::thread kills([&] { victim.kill(SIGKILL); });
    while (queue->push(2)) {}
    kills.join();
    CHECK_FALSE(victim.join().has_value());
  }
}

namespace {

enum class operation { push, pop, push_some, pop_some };

/// The last one that the victim has begun may be there, or not; the others are as before.
template <class T> tandem_test::kill_report kill_in(operation what) {
  constexpr int capacity = 4, inside = 2;
  auto queue = std::make_unique<shared<spsc_queue<T>>>(capacity);
  return tandem_test::kill_at_each_instruction({
      .reset =
          [&] {
            queue = std::make_unique<shared<spsc_queue<T>>>(capacity);
            for (int i = 0; i < 3; ++i) {
              (*queue)->push(make<T>(9));
              (*queue)->pop();
            }
            for (int i = 0; i < inside; ++i) (*queue)->push(make<T>(i));
          },
      .prepare = [] { static_cast<void>(spsc_queue<T>(1).try_push(make<T>(0))); },
      .operation =
          [&] {
            std::array<T, 2> batch{make<T>(inside), make<T>(inside + 1)};
            switch (what) {
              case operation::push:
                (*queue)->push(batch[0]);
                break;
              case operation::pop:
                (*queue)->pop();
                break;
              case operation::push_some:
                (*queue)->push_some(batch);
                break;
              case operation::pop_some:
                (*queue)->pop_some(batch);
                break;
            }
          },
      .check = [&]() -> verdict {
        bool const pushes = what == operation::push || what == operation::push_some;
        int next = -1;
        for (int i = 0; i <= capacity; ++i) {
          auto const one = (*queue)->try_pop();
          if (!one) break;
          int const number = number_of(*one);
          if (next != -1 && number != next) return "out of order, torn, or lost";
          if (next == -1 && number > (pushes ? 0 : 2)) return "more are lost than were taken";
          next = number + 1;
        }
        if (pushes && next < inside) return "something is lost";
        if ((*queue)->size() != 0) return "it is not empty";
        for (int round = 0; round < 3; ++round) {
          for (int i = 0; i < capacity; ++i)
            if (!(*queue)->try_push(make<T>(i))) return "there is less room than there was";
          if ((*queue)->try_push(make<T>(9))) return "there is more room than there was";
          for (int i = 0; i < capacity; ++i)
            if (number_of((*queue)->try_pop().value()) != i) return "it does not work as before";
        }
        return true;
      },
      .stride = std::is_same_v<T, std::string> ? 17 : 3,
  });
}

}  // namespace

TEMPLATE_TEST_CASE("spsc_queue: killed at every instruction, the other side goes on", "[queue][spsc_queue][kill]", long,
                   tandem_test::large, std::string) {
  if (tandem_test::sanitized) return;
  tandem_test::watchdog::allow(std::chrono::seconds(tandem_test::soaking() ? 3600 : 240));
  tandem::commons();
  for (auto const what : {operation::push, operation::pop, operation::push_some, operation::pop_some}) {
    CAPTURE(static_cast<int>(what));
    auto const report = kill_in<TestType>(what);
    INFO(report.to_string());
    CHECK(report.passed());
  }
}

TEMPLATE_TEST_CASE("spsc_queue: killed at random, and replaced, both sides go on", "[queue][spsc_queue][kill]", long,
                   std::string) {
  if (tandem_test::soaking()) tandem_test::watchdog::allow(std::chrono::hours(4));
  tandem::commons();
  constexpr int lives = 1 << 14, span = 100'000;
  struct board {
    std::atomic<int> next_life{0};
    std::atomic<long> taken{0}, wrong{0}, made{0}, killed[2]{};
  };
  auto& all = place<board>();
  shared<spsc_queue<TestType>> queue(64);
  auto const report = tandem_test::random_kill({
      .workers = 2,
      .kills = tandem_test::repetitions(tandem_test::sanitized ? 100 : 200, 10'000),
      .pause = std::chrono::milliseconds(4),  // time enough to begin, also on a busy machine
      .work =
          [&](int worker, std::uint64_t) {
            if (worker == 0) {
              int const life = all.next_life++ % lives;
              for (int i = 0;; i = (i + 1) % span) {
                if (!queue->push(make<TestType>(life * span + i))) ++all.wrong;
                ++all.made;
              }
            }
            int before = -1;
            while (auto const one = queue->pop()) {
              int const number = number_of(*one);
              if (number < 0 || (before >= 0 && number / span == before / span && number % span != (before + 1) % span))
                ++all.wrong;
              before = number;
              ++all.taken;
            }
          },
      .check = [&](int worker) -> verdict {
        ++all.killed[worker];
        if (all.wrong != 0) return "torn, lost, twice, out of order, or closed";
        return true;
      },
  });
  INFO(report.to_string());
  CHECK(report.passed());
  while (queue->try_pop()) ++all.taken;
  // A consumer may be killed behind what it took, before it has counted it, and the other way round.
  CHECK(all.made - all.taken <= all.killed[1] + 2);
  CHECK(all.taken - all.made <= all.killed[0] + all.killed[1] + 2);
  CHECK(all.taken > 0);
}
