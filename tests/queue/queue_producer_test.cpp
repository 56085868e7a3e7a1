// SPDX-License-Identifier: BSL-1.0
#include "tandem/queue/queue_producer.hpp"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "support/error_of.hpp"
#include "support/place.hpp"
#include "tandem/core.hpp"
#include "tandem/execution/process.hpp"
#include "tandem/execution/thread.hpp"
#include "tandem/memory/shared.hpp"
#include "tandem/queue/bounded_queue.hpp"
#include "tandem/queue/queue_consumer.hpp"

using namespace std::chrono_literals;
using tandem::bounded_queue, tandem::queue_producer, tandem::shared;
using tandem_test::place;

namespace {

using queue_of_numbers = bounded_queue<long>;
using producer = queue_producer<queue_of_numbers>;

struct two_queues {
  two_queues() : first(4), second(4) {}
  queue_of_numbers first, second;
};

}  // namespace

template <> inline constexpr bool tandem::enable_shareable<two_queues> = true;

TEST_CASE("queue_producer: the queue closes with its last one", "[queue][queue_producer]") {
  shared<queue_of_numbers> queue(4);
  std::optional<producer> one = queue->producer(), two = *one;
  auto three = std::move(*two);
  CHECK_FALSE(*two);
  CHECK(three);
  CHECK(three.capacity() == 4);
  CHECK(one->push(1));
  one.reset();
  two.reset();
  CHECK_FALSE(queue->is_closed());
  CHECK(three.push_for(2, 1h));
  CHECK(three.try_push(3));
  std::thread waits([&] {
    for (long next = 1; auto const value = queue->pop(); ++next)
      if (*value != next) std::abort();
  });
  {
    auto const last = std::move(three);
    CHECK_FALSE(last.is_closed());
  }
  waits.join();
  CHECK(queue->is_closed());
  auto late = queue->producer();
  CHECK_FALSE(late.push(4));
}

TEST_CASE("queue_producer: assigned, the one before is gone", "[queue][queue_producer]") {
  shared<queue_of_numbers> a(4), b(4);
  auto end = a->producer();
  end = b->producer();
  CHECK(a->is_closed());
  CHECK_FALSE(b->is_closed());
  end.close();
  CHECK(b->is_closed());
}

TEMPLATE_TEST_CASE("queue_producer: in units of either kind", "[queue][queue_producer]", tandem::thread<void>,
                   tandem::process<void>) {
  shared<queue_of_numbers> queue(2);
  std::vector<TestType> units;
  {
    auto end = queue->producer();
    for (long i = 0; i < 3; ++i)
      units.emplace_back(
          [i](auto out) {
            for (long k = 0; k < 1000; ++k) out.push(k * 3 + i);
          },
          end);
    units.emplace_back([end]() mutable { end.push(3000); });
  }
  long sum = 0, count = 0;
  while (auto const value = queue->pop()) {
    sum += *value;
    ++count;
  }
  CHECK(count == 3001);
  CHECK(sum == 3001L * 3000 / 2);
  for (auto& one : units) one.join();
}

TEST_CASE("queue_producer: a dead one's is gone, whether or not it has put anything in",
          "[queue][queue_producer][death]") {
  shared<queue_of_numbers> queue(2);
  auto& there = place<std::atomic<bool>>(false);
  bool const pushes = GENERATE(true, false);
  tandem::process victim(
      [&there, pushes](auto out) {
        if (pushes) out.push(1);
        there = true;
        for (;;) ::pause();
      },
      queue->producer());
  while (!there) std::this_thread::yield();
  std::thread waits([&] {
    while (queue->pop()) {}
  });
  victim.kill(SIGKILL);
  waits.join();
  CHECK(queue->is_closed());
  CHECK_FALSE(victim.join().has_value());
}

TEST_CASE("queue_producer: one that is told that nobody takes", "[queue][queue_producer][death]") {
  shared<queue_of_numbers> queue(1);
  auto out = queue->producer();
  SECTION("since the last consumer let go") {
    std::optional in = queue->consumer();
    CHECK(out.push(1));
    std::thread waits([&] {
      std::this_thread::yield();
      in.reset();
    });
    CHECK_FALSE(out.push(2));
    waits.join();
  }
  SECTION("since the last consumer died") {
    auto& there = place<std::atomic<bool>>(false);
    tandem::process victim(
        [&there](auto in) {
          in.pop();
          there = true;
          for (;;) ::pause();
        },
        queue->consumer());
    CHECK(out.push(1));
    while (!there) std::this_thread::yield();
    CHECK(out.push(2));
    std::thread kills([&] { victim.kill(SIGKILL); });
    CHECK_FALSE(out.push(3));
    kills.join();
    CHECK_FALSE(victim.join().has_value());
  }
  CHECK_FALSE(queue->is_closed());
  CHECK_FALSE(out.try_push(4));
}

TEST_CASE("queue_producer: travels as a result, and in a queue", "[queue][queue_producer]") {
  shared<queue_of_numbers> queue(4);
  shared<bounded_queue<producer>> ends(4);
  tandem::process unit(
      [](auto out, auto others) {
        others.push(out);
        out.push(1);
        return out;
      },
      queue->producer(), ends->producer());
  {
    auto result = std::move(unit).join().value();
    CHECK(result.push(2));
    auto other = ends->pop().value();
    CHECK(other.push(3));
    CHECK_FALSE(queue->is_closed());
  }
  CHECK(queue->pop() == 1);
  CHECK(queue->pop() == 2);
  CHECK(queue->pop() == 3);
  CHECK(queue->pop() == std::nullopt);
}

TEST_CASE("queue_producer: keeps its queue, where that is an object of its own", "[queue][queue_producer]") {
  auto const make = [] {
    shared<queue_of_numbers> queue(4);
    return std::pair(queue->producer(), queue->consumer());
  };
  auto [out, in] = make();
  CHECK(out.push(1));
  CHECK(in.pop() == 1);

  shared<two_queues> both;
  {
    auto end = both->second.producer();
    CHECK(end.push(5));
    CHECK(tandem::process([](auto to) { to.push(6); }, end).join().has_value());
  }
  CHECK(both->second.pop() == 5);
  CHECK(both->second.pop() == 6);
  CHECK(both->second.pop() == std::nullopt);
  CHECK_FALSE(both->first.is_closed());
}

TEST_CASE("queue_producer: bytes that are none", "[queue][queue_producer][errors]") {
  shared<queue_of_numbers> queue(4);
  auto const end = queue->producer();
  tandem::byte_buffer buffer;
  tandem::writer to(buffer);
  tandem::encode(to, end);
  std::vector<std::byte> const whole(to.bytes().begin(), to.bytes().end());
  CHECK(tandem::decode<producer>(whole).try_push(1));
  for (std::size_t i = 0; i < whole.size(); ++i) {
    auto broken = whole;
    broken[i] ^= std::byte{0x55};
    try {
      static_cast<void>(tandem::decode<producer>(broken));  // the bytes of the object's number may be another's
    } catch (std::system_error const& error) { CHECK(error.code() == std::errc::bad_message); }
  }
  CHECK(tandem_test::error_of([&] { static_cast<void>(tandem::decode<producer>(std::vector(16, std::byte{0xff}))); }) ==
        EBADMSG);
}
