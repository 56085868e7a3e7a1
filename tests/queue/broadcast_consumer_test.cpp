// SPDX-License-Identifier: BSL-1.0
#include "tandem/queue/broadcast_consumer.hpp"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <optional>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "support/place.hpp"
#include "tandem/core.hpp"
#include "tandem/execution/process.hpp"
#include "tandem/execution/thread.hpp"
#include "tandem/memory/shared.hpp"
#include "tandem/queue/bounded_queue.hpp"
#include "tandem/queue/broadcast_queue.hpp"
#include "tandem/sync/wait.hpp"

using namespace std::chrono_literals;
using tandem::broadcast_queue, tandem::shared;
using tandem_test::place;

namespace {

using broadcast_of_numbers = broadcast_queue<long>;
using consumer = tandem::broadcast_consumer<long>;

}  // namespace

TEST_CASE("broadcast_consumer: moves, and is gone with its last owner", "[queue][broadcast_consumer]") {
  STATIC_REQUIRE_FALSE(std::is_copy_constructible_v<consumer>);
  shared<broadcast_of_numbers> queue(2);
  auto one = queue->consumer();
  CHECK(one.capacity() == 2);
  CHECK(queue->push(1));
  {
    auto two = std::move(one);
    CHECK_FALSE(one);
    CHECK(two);
    CHECK(queue->push(2));
    CHECK(two.pop() == 1);
    one = std::move(two);
  }
  CHECK(one.pop() == 2);
  auto const other = queue->consumer();
  one = queue->consumer();
  CHECK(queue->consumers() == 2);
  CHECK(queue->push(3));
  CHECK(one.pop() == 3);
}

TEMPLATE_TEST_CASE("broadcast_consumer: in units of either kind, each sees all", "[queue][broadcast_consumer]",
                   tandem::thread<long>, tandem::process<long>) {
  shared<broadcast_of_numbers> queue(8);
  std::vector<TestType> units;
  for (int i = 0; i < 3; ++i)
    units.emplace_back(
        [](auto in) {
          long sum = 0;
          while (auto const one = in.pop()) sum += *one;
          return sum;
        },
        queue->consumer());
  CHECK(queue->consumers() == 3);
  {
    auto end = queue->producer();
    TestType producer(
        [](auto out) {
          for (long i = 0; i < 1000; ++i) out.push(i);
          return 0L;
        },
        end);
    for (long i = 0; i < 1000; ++i) CHECK(end.push(i));
    CHECK(producer.join().value() == 0);
  }
  for (auto& one : units) CHECK(one.join().value() == 999L * 1000);
  CHECK(queue->consumers() == 0);
  CHECK(queue->is_closed());
}

TEST_CASE("broadcast_consumer: a dead producer is no reason to wait", "[queue][broadcast_consumer][death]") {
  shared<broadcast_of_numbers> queue(2);
  auto& there = place<std::atomic<bool>>(false);
  auto in = queue->consumer();
  bool const pushes = GENERATE(true, false);
  tandem::process victim(
      [&there, pushes](auto out) {
        if (pushes) out.push(1);
        there = true;
        for (;;) ::pause();
      },
      queue->producer());
  while (!there) std::this_thread::yield();
  std::thread kills([&] { victim.kill(SIGKILL); });
  if (pushes) CHECK(in.pop() == 1);
  CHECK(in.pop() == std::nullopt);
  kills.join();
  CHECK_FALSE(victim.join().has_value());
}

TEST_CASE("broadcast_consumer: nor is a dead one, whether or not it has taken anything",
          "[queue][broadcast_consumer][death]") {
  shared<broadcast_of_numbers> queue(2);
  auto& there = place<std::atomic<bool>>(false);
  auto in = queue->consumer();
  bool const pops = GENERATE(true, false);
  tandem::process victim(
      [&there, pops](auto mine) {
        if (pops) mine.pop();
        there = true;
        for (;;) ::pause();
      },
      queue->consumer());
  CHECK(queue->push(1));
  while (!there) std::this_thread::yield();
  std::thread kills([&] { victim.kill(SIGKILL); });
  for (long i = 2; i < 20; ++i) {
    CHECK(in.pop() == i - 1);
    CHECK(queue->push(i));
  }
  kills.join();
  CHECK_FALSE(victim.join().has_value());
  CHECK(queue->consumers() == 1);
}

TEST_CASE("broadcast_consumer: made by a thread that has ended, it is waited for, as long as a deadline says",
          "[queue][broadcast_consumer][death]") {
  shared<broadcast_of_numbers> queue(1);
  std::optional<consumer> in;
  std::thread([&] { in.emplace(queue->consumer()); }).join();
  CHECK(queue->push(1));
  CHECK_FALSE(queue->push_for(2, 300ms));  // longer than a look at the dead may take
  CHECK(in->pop() == 1);
  CHECK(queue->push(2));
}

TEST_CASE("broadcast_consumer: is waited for beside others, and so is a producer",
          "[queue][broadcast_consumer][wait]") {
  shared<broadcast_of_numbers> queue(1), others(1);
  auto in = queue->consumer(), other = others->consumer();
  auto out = queue->producer();
  using tandem::wait_any;
  CHECK(wait_any(0s, in, other) == std::nullopt);
  CHECK(wait_any(1ms, in, other) == std::nullopt);
  CHECK(wait_any(1ms, in, out) == 1);
  CHECK(queue->push(1));
  CHECK(wait_any(other, in) == 1);
  CHECK(wait_any(0s, out, other) == std::nullopt);
  CHECK(in.pop() == 1);
  CHECK_FALSE(in.try_pop());
  CHECK(wait_any(0s, other, in) == std::nullopt);
  CHECK(wait_any(in, out) == 1);
  std::thread makes([&] { others->push(2); });
  CHECK(wait_any(in, other) == 1);
  makes.join();
  CHECK(other.pop() == 2);
  CHECK_FALSE(other.try_pop());
  others->close();
  CHECK(wait_any(in, other) == 1);
  other = queue->consumer();
  CHECK(wait_any(0s, in, other) == std::nullopt);
}

TEST_CASE("broadcast_consumer: a dead one makes room for another", "[queue][broadcast_consumer][death]") {
  shared<broadcast_of_numbers> queue(2);
  auto& there = place<std::atomic<bool>>(false);
  std::vector<consumer> mine;
  while (queue->consumers() + 1 < queue->max_consumers()) mine.push_back(queue->consumer());
  tandem::process victim(
      [&there](auto in) {
        there = true;
        in.pop();
        for (;;) ::pause();
      },
      queue->consumer());
  while (!there) std::this_thread::yield();
  CHECK_THROWS_AS(queue->consumer(), std::system_error);
  victim.kill(SIGKILL);
  CHECK_FALSE(victim.join().has_value());
  auto last = queue->consumer();
  CHECK(queue->push(1));
  CHECK(last.pop() == 1);
}

TEST_CASE("broadcast_consumer: travels as a result, and in a queue, with what it has missed",
          "[queue][broadcast_consumer]") {
  shared<broadcast_of_numbers> queue(4, tandem::lag::drop);
  shared<tandem::bounded_queue<consumer>> ends(4);
  auto first = queue->consumer();
  for (long i = 0; i < 9; ++i) CHECK(queue->push(i));
  tandem::process unit(
      [ends](auto in) {
        in.pop();
        ends->push(std::move(in));
        return ends->pop().value();
      },
      std::move(first));
  auto back = std::move(unit).join().value();
  CHECK(back.missed() == 5);
  CHECK(back.pop() == 6);
  CHECK(queue->consumers() == 1);
}

TEST_CASE("broadcast_consumer: keeps its queue, where that is an object of its own", "[queue][broadcast_consumer]") {
  auto [out, in] = [] {
    shared<broadcast_of_numbers> queue(4);
    return std::pair(queue->producer(), queue->consumer());
  }();
  CHECK(out.push(1));
  CHECK(in.pop() == 1);
  CHECK(in.pop_for(1ms) == std::nullopt);
}

TEST_CASE("broadcast_consumer: bytes that are none", "[queue][broadcast_consumer][errors]") {
  shared<broadcast_of_numbers> queue(4);
  auto const end = queue->consumer();
  CHECK(queue->push(1));
  tandem::byte_buffer buffer;
  tandem::writer to(buffer);
  tandem::encode(to, end);
  std::vector<std::byte> const whole(to.bytes().begin(), to.bytes().end());
  CHECK(tandem::decode<consumer>(whole).try_pop() == 1);
  for (std::size_t i = 0; i < whole.size(); ++i) {
    auto broken = whole;
    broken[i] ^= std::byte{0x55};
    try {
      static_cast<void>(tandem::decode<consumer>(broken));
    } catch (std::system_error const& error) { CHECK(error.code() == std::errc::bad_message); }
  }
}
