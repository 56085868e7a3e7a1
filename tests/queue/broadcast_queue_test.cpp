// SPDX-License-Identifier: BSL-1.0
#include "tandem/queue/broadcast_queue.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <new>
#include <optional>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "queue/elements.hpp"
#include "support/build_kind.hpp"
#include "support/catch.hpp"
#include "support/error_of.hpp"
#include "support/place.hpp"
#include "support/probes.hpp"
#include "support/syscall_fault.hpp"
#include "tandem/core.hpp"
#include "tandem/memory/shared.hpp"
#include "tandem/queue/consumer_lagged.hpp"
#include "tandem/sync/stop_token.hpp"

using namespace std::chrono_literals;
using tandem::broadcast_queue, tandem::lag, tandem::shared;
using tandem_test::make, tandem_test::number_of, tandem_test::place, tandem_test::processes, tandem_test::require,
    tandem_test::threads;

TEMPLATE_TEST_CASE("broadcast_queue: each consumer sees all since it subscribed, in order", "[queue][broadcast_queue]",
                   std::uint8_t, long, tandem_test::wide, tandem_test::page) {
  auto const capacity = GENERATE(1, 2, 3, 7, 64);
  auto const when_behind = GENERATE(lag::wait, lag::drop, lag::fail);
  broadcast_queue<TestType> queue(capacity, when_behind);
  STATIC_REQUIRE(tandem::shareable<broadcast_queue<TestType>>);
  CHECK(queue.capacity() == static_cast<std::size_t>(capacity));
  CHECK(queue.when_behind() == when_behind);
  CHECK(queue.consumers() == 0);
  for (int i = 0; i < 5; ++i) CHECK(queue.push(make<TestType>(100 + i)));  // nobody sees these
  auto early = queue.consumer();
  int in = 0, out = 0;
  for (int round = 0; round < 3; ++round) {
    CHECK(queue.consumers() == 1);
    auto late = queue.consumer();
    CHECK(queue.consumers() == 2);
    CHECK_FALSE(early.try_pop());
    for (int i = 0; i < capacity; ++i) CHECK(queue.push(make<TestType>(in++ % 100)));
    for (int i = 0; i < capacity; ++i) {
      CHECK(number_of(early.pop().value()) == out % 100);
      CHECK(number_of(late.try_pop().value()) == out++ % 100);
    }
    CHECK_FALSE(late.try_pop());
    CHECK(late.missed() == 0);
  }
  CHECK(early.missed() == 0);
}

TEST_CASE("broadcast_queue: producers wait for the slowest", "[queue][broadcast_queue]") {
  broadcast_queue<long> queue(3);
  auto fast = queue.consumer();
  std::optional slow = queue.consumer();
  for (long i = 0; i < 3; ++i) CHECK(queue.try_push(i));
  for (long i = 0; i < 3; ++i) CHECK(fast.pop() == i);
  CHECK_FALSE(queue.try_push(3));
  CHECK_FALSE(queue.push_for(3, 1ms));
  CHECK(slow->pop() == 0);
  CHECK(queue.try_push(3));
  CHECK_FALSE(queue.try_push(4));
  SECTION("as long as it is there") {
    slow.reset();
    CHECK(queue.consumers() == 1);
    CHECK(queue.try_push(4));
    CHECK(queue.try_push(5));
    CHECK_FALSE(queue.try_push(6));
    CHECK(fast.pop() == 3);
    CHECK(queue.try_push(6));
  }
  SECTION("asleep, until it gets on, or leaves") {
    std::thread waits([&] {
      for (long i = 4; i < 1000; ++i) require(queue.push(i), "it was closed");
    });
    std::thread other([&] {
      while (auto const one = fast.pop())
        if (*one == 999) break;
    });
    for (long i = 1; i < 100; ++i) CHECK(slow->pop() == i);
    slow.reset();
    waits.join();
    other.join();
  }
  CHECK(fast.missed() == 0);
}

TEST_CASE("broadcast_queue: a laggard skips to the oldest, and knows how many it has missed",
          "[queue][broadcast_queue]") {
  auto const when_behind = GENERATE(lag::drop, lag::fail);
  broadcast_queue<long> queue(4, when_behind);
  auto in = queue.consumer();
  auto other = queue.consumer();
  for (long i = 0; i < 4; ++i) CHECK(queue.try_push(i));
  CHECK(in.pop() == 0);
  for (long i = 4; i < 11; ++i) CHECK(queue.try_push(i));
  if (when_behind == lag::fail) {
    try {
      static_cast<void>(in.pop());
      FAIL_CHECK("it did not fail");
    } catch (tandem::consumer_lagged const& error) { CHECK(error.missed() == 6); }
    CHECK_THROWS_AS(other.try_pop(), tandem::consumer_lagged);
  }
  for (long i = 7; i < 11; ++i) CHECK(in.pop() == i);
  CHECK_FALSE(in.try_pop());
  CHECK(in.missed() == 6);
  CHECK(other.pop() == 7);
  CHECK(other.missed() == 7);
  for (long i = 0; i < 100; ++i) CHECK(queue.push(i));
  if (when_behind == lag::fail) CHECK_THROWS_AS(in.pop_for(1h), tandem::consumer_lagged);
  CHECK(in.pop() == 96);
  CHECK(in.missed() == 102);
}

TEST_CASE("broadcast_queue: closed, all get what is left, and nothing more comes in", "[queue][broadcast_queue]") {
  broadcast_queue<long> queue(4);
  auto one = queue.consumer(), two = queue.consumer();
  CHECK(queue.push(1));
  CHECK(queue.push(2));
  CHECK(one.pop() == 1);
  two.close();
  queue.close();
  CHECK(queue.is_closed());
  CHECK(one.is_closed());
  CHECK_FALSE(queue.push(3));
  CHECK_FALSE(queue.try_push(3));
  CHECK(one.pop() == 2);
  CHECK(one.pop() == std::nullopt);
  CHECK(two.pop() == 1);
  CHECK(two.try_pop() == 2);
  CHECK(two.pop() == std::nullopt);
  auto late = queue.consumer();
  CHECK(late.pop() == std::nullopt);
}

TEST_CASE("broadcast_queue: to close it wakes those who wait on both sides", "[queue][broadcast_queue]") {
  broadcast_queue<int> empty(1), full(1);
  auto behind = full.consumer();
  full.push(1);
  threads::spawn_and_join(
      4,
      [&](int number) {
        if (number % 2 == 0)
          require(empty.consumer().pop() == std::nullopt, "there was something");
        else
          require(!full.push(2), "there was room");
      },
      [&] {
        empty.close();
        full.close();
      });
  CHECK(behind.pop() == 1);
  CHECK(behind.pop() == std::nullopt);
}

TEST_CASE("broadcast_queue: deadlines and stops end a wait, and nothing is lost", "[queue][broadcast_queue]") {
  broadcast_queue<long> queue(1);
  auto in = queue.consumer();
  CHECK(in.pop_for(1ms) == std::nullopt);
  CHECK(in.pop_until(tandem::deadline::after(-1s)) == std::nullopt);
  CHECK(queue.push_for(1, 1ms));
  CHECK_FALSE(queue.push_for(2, 1ms));
  CHECK_FALSE(queue.push_until(2, tandem::deadline::after(-1s)));
  tandem::stop_source stop;
  std::thread waits([&] { static_cast<void>(queue.push(2, stop.get_token())); });
  std::thread other([&] {
    broadcast_queue<int> nothing(1);
    auto end = nothing.consumer();
    static_cast<void>(end.pop(stop.get_token()));
  });
  stop.request_stop();
  waits.join();
  other.join();
  CHECK(in.pop(stop.get_token()) == 1);
  CHECK(in.pop(stop.get_token()) == std::nullopt);
}

TEST_CASE("broadcast_queue: bad capacities, and a consumer too many, are refused by name",
          "[queue][broadcast_queue][errors]") {
  CHECK_THROWS_WITH(broadcast_queue<int>(0), tandem_test::ContainsSubstring("capacity"));
  CHECK_THROWS_AS(broadcast_queue<int>(-1), std::invalid_argument);
  CHECK_THROWS_AS(broadcast_queue<int>(std::int64_t{1} << 32), std::invalid_argument);
  CHECK_THROWS_AS(broadcast_queue<tandem_test::page>(std::int64_t{1} << 31), std::bad_alloc);
  broadcast_queue<int> queue(2);
  std::vector<tandem::broadcast_consumer<int>> all;
  for (std::size_t i = 0; i < queue.max_consumers(); ++i) all.push_back(queue.consumer());
  CHECK(tandem_test::error_of([&] { static_cast<void>(queue.consumer()); }) == EAGAIN);
  all.pop_back();
  all.push_back(queue.consumer());
  CHECK(queue.push(1));
  for (auto& one : all) CHECK(one.pop() == 1);
}

TEST_CASE("broadcast_queue: sleepers that may not fence others go on", "[queue][broadcast_queue][errors]") {
  CHECK(tandem_test::run_with_fault(tandem_test::faults_from_string("membarrier=EPERM"), [] {
          broadcast_queue<int> there(1), back(1);
          auto in = there.consumer(), answer = back.consumer();
          std::thread other([&] {
            while (auto const one = in.pop()) back.push(*one);
          });
          for (int i = 0; i < 1000; ++i) {
            there.push(i);
            if (i % 100 == 0) std::this_thread::sleep_for(1ms);  // both are asleep
            CHECK(answer.pop() == i);
          }
          there.close();
          other.join();
        }).passed());
}

TEMPLATE_TEST_CASE("broadcast_queue: many producers, many consumers who come and go; each sees each once",
                   "[queue][broadcast_queue]", (std::pair<threads, long>), (std::pair<threads, tandem_test::page>),
                   (std::pair<processes, long>), (std::pair<processes, tandem_test::wide>),
                   (std::pair<processes, tandem_test::page>)) {
  using peers = typename TestType::first_type;
  using T = typename TestType::second_type;
  constexpr int producers = 2, consumers = 2, passers = 1;
  int const each = static_cast<int>(tandem_test::repetitions(tandem_test::sanitized ? 1'000 : 10'000, 1'000'000));
  auto const capacity = GENERATE(1, 16, 1000);
  auto const when_behind = GENERATE(lag::wait, lag::drop);
  shared<broadcast_queue<T>> queue(capacity, when_behind);
  auto& ready = place<std::atomic<int>>(0);
  auto& done = place<std::atomic<int>>(0);
  peers::spawn_and_join(producers + consumers + passers, [&](int number) {
    if (number < producers) {
      while (ready != consumers) std::this_thread::yield();
      for (int i = 0; i < each; ++i) require(queue->push(make<T>(i * producers + number)), "it was closed");
      if (++done == producers) queue->close();
      return;
    }
    auto const look_for = [&](long most) {
      auto in = queue->consumer();
      if (number < producers + consumers) ++ready;
      std::array<int, producers> last;
      last.fill(-1);
      long seen = 0;
      while (seen < most) {
        auto const one = in.pop();
        if (!one) break;
        int const value = number_of(*one);
        require(value >= 0, "torn");
        auto& before = last[static_cast<std::size_t>(value % producers)];
        require(value / producers > before, "out of order, or twice");
        bool const is_next = value / producers == before + 1 || (before == -1 && number >= producers + consumers);
        require(is_next || when_behind != lag::wait, "some are lost");
        before = value / producers;
        ++seen;
      }
      if (most == each * long{producers} + 1) {
        require(static_cast<long>(in.missed()) + seen == most - 1, "missed() does not count");
        require(when_behind != lag::wait || in.missed() == 0, "it missed some");
      }
      return seen != 0;
    };
    if (number < producers + consumers) {
      look_for(each * long{producers} + 1);
    } else {
      while (look_for(17)) {}
    }
  });
  CHECK(queue->consumers() == 0);
}
