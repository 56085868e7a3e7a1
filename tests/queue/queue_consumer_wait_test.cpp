// SPDX-License-Identifier: BSL-1.0
// The ends of queues beside other things that are waited for.
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/error_of.hpp"
#include "support/place.hpp"
#include "tandem/execution/process.hpp"
#include "tandem/execution/thread.hpp"
#include "tandem/memory/shared.hpp"
#include "tandem/queue/bounded_queue.hpp"
#include "tandem/queue/latest.hpp"
#include "tandem/queue/queue_consumer.hpp"
#include "tandem/queue/queue_producer.hpp"
#include "tandem/queue/spsc_queue.hpp"
#include "tandem/resource/event.hpp"
#include "tandem/sync/wait.hpp"
#include "tandem/sync/wait_set.hpp"

using namespace std::chrono_literals;
using namespace tandem_test;
using tandem::bounded_queue, tandem::shared, tandem::wait_all, tandem::wait_any;
using queue_of_numbers = bounded_queue<long>;
using index_of = std::optional<std::size_t>;

namespace {

/// Whether a descriptor is readable at once.
bool is_readable(int descriptor) {
  pollfd one{descriptor, POLLIN, 0};
  return ::poll(&one, 1, 0) == 1;
}
/// Waits until it is; for ever where it never is: the watchdog's.
void await_readable(int descriptor) {
  pollfd one{descriptor, POLLIN, 0};
  while (::poll(&one, 1, -1) != 1) {}
}

}  // namespace

TEMPLATE_TEST_CASE("queue_consumer: waited for beside others, where there is something to take",
                   "[queue][queue_consumer][wait]", queue_of_numbers, tandem::spsc_queue<long>) {
  shared<TestType> a(4), b(4);
  auto first = a->consumer(), second = b->consumer();
  tandem::event other;
  CHECK(wait_any(0s, first, other, second) == std::nullopt);
  CHECK(wait_any(1ms, first, other, second) == std::nullopt);
  b->push(1);
  CHECK(wait_any(first, other, second) == 2);
  CHECK(wait_any(second, other, first) == 0);  // nothing is taken
  CHECK(second.pop() == 1);
  CHECK(wait_any(0s, first, other, second) == std::nullopt);
  other.notify();
  CHECK(wait_any(first, other, second) == 1);
  other.wait();
  a->push(2);
  b->push(3);
  wait_all(first, second);
  CHECK(first.try_pop() == 2);
  CHECK(second.try_pop() == 3);
  CHECK_FALSE(wait_all(1ms, first));
  first.close();
  CHECK(wait_any(first, other, second) == 0);
  wait_all(first);
}

TEST_CASE("queue_consumer: waited for, a newer value of latest", "[queue][queue_consumer][wait]") {
  shared<tandem::latest<int>> value;
  auto in = value->consumer();
  CHECK(wait_any(1ms, in) == std::nullopt);
  value->push(1);
  CHECK(wait_any(in) == 0);
  CHECK(in.pop() == 1);
  std::jthread later([&] { value->push(2); });
  CHECK(wait_any(in) == 0);
  CHECK(in.pop() == 2);
}

TEMPLATE_TEST_CASE("queue_consumer: waited for while nothing is there, it wakes up", "[queue][queue_consumer][wait]",
                   tandem::thread<void>, tandem::process<void>) {
  shared<queue_of_numbers> queue(2), acknowledged(2);
  auto in = queue->consumer();
  tandem::event never;
  TestType unit(
      [](auto out, auto seen) {
        for (long i = 0; i < 200; ++i) {
          out.push(i);
          seen.pop();
        }
      },
      queue->producer(), acknowledged->consumer());
  for (long i = 0; i < 200; ++i) {
    REQUIRE(wait_any(never, in) == 1);
    REQUIRE(in.try_pop() == i);
    acknowledged->push(i);
  }
  CHECK(wait_any(never, in) == 1);  // its last producer is gone
  CHECK(in.pop() == std::nullopt);
  CHECK(unit.join().has_value());
}

TEST_CASE("queue_consumer: waited for, the death of the last producer", "[queue][queue_consumer][wait][death]") {
  shared<queue_of_numbers> queue(2);
  auto in = queue->consumer();
  auto& there = place<std::atomic<bool>>(false);
  tandem::process victim(
      [&there](auto out) {
        out.push(1);
        there = true;
        for (;;) ::pause();
      },
      queue->producer());
  while (!there) std::this_thread::yield();
  REQUIRE(wait_any(in) == 0);
  CHECK(in.pop() == 1);
  tandem::event never;
  CHECK(wait_any(1ms, in, never) == std::nullopt);
  victim.kill(SIGKILL);
  CHECK(wait_any(in, never) == 0);
  CHECK(in.pop() == std::nullopt);
  CHECK(in.is_closed());
  CHECK_FALSE(victim.join().has_value());
}

TEST_CASE("queue_producer: waited for until there is room, or nobody takes", "[queue][queue_producer][wait]") {
  shared<queue_of_numbers> queue(1);
  auto out = queue->producer();
  std::optional in = queue->consumer();
  tandem::event never;
  CHECK(wait_any(never, out) == 1);
  CHECK(out.push(1));
  CHECK(wait_any(1ms, never, out) == std::nullopt);
  SECTION("room") {
    std::jthread taker([&] { in->pop(); });
    CHECK(wait_any(never, out) == 1);
    CHECK(out.try_push(2));
  }
  SECTION("nobody") {
    std::jthread last([&] { in.reset(); });
    CHECK(wait_any(never, out) == 1);
    CHECK_FALSE(out.try_push(2));
  }
  SECTION("closed") {
    std::jthread closes([&] { in->close(); });
    CHECK(wait_any(never, out) == 1);
    CHECK_FALSE(out.push(2));
  }
}

TEST_CASE("queue_consumer: its descriptor is readable until a pop finds nothing", "[queue][queue_consumer][wait]") {
  shared<queue_of_numbers> queue(4);
  auto in = queue->consumer();
  int const descriptor = in.native_handle();
  REQUIRE(descriptor >= 0);
  CHECK(in.native_handle() == descriptor);
  CHECK_FALSE(is_readable(descriptor));
  for (long round = 0; round < 100; ++round) {
    queue->push(round);
    queue->push(-round);
    await_readable(descriptor);
    CHECK(in.try_pop() == round);
    CHECK(is_readable(descriptor));
    CHECK(in.try_pop() == -round);
    CHECK_FALSE(in.try_pop());
    CHECK_FALSE(is_readable(descriptor));
  }
  queue->close();
  await_readable(descriptor);
  CHECK_FALSE(in.pop());
  CHECK(is_readable(descriptor));
}

TEST_CASE("queue_producer: its descriptor is readable until a push finds no room", "[queue][queue_producer][wait]") {
  shared<queue_of_numbers> queue(1);
  auto out = queue->producer();
  int const descriptor = out.native_handle();
  CHECK(is_readable(descriptor));
  for (long round = 0; round < 50; ++round) {
    CHECK(out.try_push(round));
    CHECK_FALSE(out.try_push(round));
    CHECK_FALSE(is_readable(descriptor));
    CHECK(queue->pop() == round);
    await_readable(descriptor);
  }
}

TEST_CASE("queue_consumer: a wait_set takes ends as anything else", "[queue][queue_consumer][wait]") {
  std::vector<shared<queue_of_numbers>> queues;
  std::vector<tandem::queue_consumer<queue_of_numbers>> ends;
  for (int i = 0; i < 5; ++i) {
    queues.emplace_back(4);
    ends.push_back(queues.back()->consumer());
  }
  std::vector<tandem::process<void>> units;
  for (auto& queue : queues)
    units.emplace_back(
        [](auto out) {
          for (long i = 1; i <= 300; ++i) out.push(i);
        },
        queue->producer());
  tandem::wait_set set;
  for (std::size_t i = 0; i < ends.size(); ++i) set.add(ends[i], i);
  std::vector<long> sums(ends.size());
  while (!set.empty()) {
    auto const i = set.wait();
    auto const value = ends[i].try_pop();
    if (value) sums[i] += *value;
    if (value || !ends[i].is_closed()) set.add(ends[i], i);
  }
  CHECK(sums == std::vector<long>(5, 300 * 301 / 2));
  for (auto& one : units) CHECK(one.join().has_value());
}

TEST_CASE("queue_consumer: who only waits keeps nothing from who takes", "[queue][queue_consumer][wait]") {
  shared<queue_of_numbers> queue(4);
  auto watched = queue->consumer();
  watched.native_handle();  // from now on it sleeps at the queue as well
  auto& taken = place<std::atomic<long>>(0);
  std::thread taker([in = queue->consumer(), &taken]() mutable {
    while (auto const value = in.pop()) taken = *value;
  });
  for (long i = 1; i <= 2000; ++i) {
    queue->push(i);
    while (taken != i) std::this_thread::yield();
    watched.native_handle();
  }
  queue->close();
  taker.join();
}

TEST_CASE("queue_consumer: copies, moved and assigned ones have descriptors of their own",
          "[queue][queue_consumer][wait]") {
  shared<queue_of_numbers> a(4), b(4);
  auto in = a->consumer();
  int const before = in.native_handle();
  auto copy = in;
  CHECK(copy.native_handle() != before);
  auto moved = std::move(in);
  CHECK(moved.native_handle() == before);
  CHECK(in.native_handle() == -1);
  CHECK_THROWS_AS(wait_any(copy, in), std::invalid_argument);
  CHECK_THROWS_WITH(wait_any(copy, in), ContainsSubstring("argument 1"));
  moved = b->consumer();
  CHECK_FALSE(is_readable(moved.native_handle()));
  a->push(1);
  CHECK(wait_any(moved, copy) == 1);
  b->push(1);
  copy.pop();
  CHECK(wait_any(moved, copy) == 0);
}

TEST_CASE("queue_consumer: a forked child waits for itself", "[queue][queue_consumer][wait]") {
  shared<queue_of_numbers> queue(4);
  auto in = queue->consumer();
  int const parents = in.native_handle();
  CHECK(run_in_child([&] {
          CHECK_FALSE(is_readable(in.native_handle()));
          queue->push(1);
          CHECK(wait_any(in) == 0);
          CHECK(in.pop() == 1);
        }).passed());
  CHECK(run_in_child([copy = std::optional(std::move(in))]() mutable { copy.reset(); }).passed());
  (void)parents;
}

TEST_CASE("queue_consumer: waited for where there is no descriptor left", "[queue][queue_consumer][wait]") {
  CHECK(run_in_child([] {
          shared<queue_of_numbers> queue(4);
          auto in = queue->consumer();
          rlimit const none{0, 0};
          CHECK(::setrlimit(RLIMIT_NOFILE, &none) == 0);
          CHECK(error_of([&] { in.native_handle(); }) == EMFILE);
          CHECK(error_of([&] { wait_any(in); }) == EMFILE);
          queue->push(1);
          CHECK(wait_any(in) == 0);  // known without one
          wait_all(in);
          CHECK(in.pop() == 1);
          CHECK_FALSE(wait_all(1ms, in));
        }).passed());
}

TEST_CASE("queue_consumer: waited for in two queues, from producers that are killed", "[queue][queue_consumer][wait]") {
  shared<queue_of_numbers> queues[2]{shared<queue_of_numbers>(2), shared<queue_of_numbers>(3)};
  tandem::queue_consumer<queue_of_numbers> ends[2]{queues[0]->consumer(), queues[1]->consumer()};
  std::optional<tandem::queue_producer<queue_of_numbers>> spares[2]{queues[0]->producer(), queues[1]->producer()};
  std::vector<tandem::process<void>> units;
  for (int i = 0; i < 12; ++i)
    units.emplace_back(
        [](auto out) {
          for (long k = 0;; ++k) out.push(k);
        },
        *spares[i % 2]);
  spares[0].reset();
  spares[1].reset();
  long taken = 0;
  std::size_t next = 0;
  while (!ends[0].is_closed() || !ends[1].is_closed()) {
    auto const i = ends[0].is_closed() ? 1 : ends[1].is_closed() ? 0 : wait_any(ends[0], ends[1]);
    if (!ends[i].pop_for(1h)) CHECK(ends[i].is_closed());
    if (++taken % 100 == 0 && next < units.size()) units[next++].kill(SIGKILL);
  }
  for (auto& one : units) CHECK_FALSE(one.join().has_value());
}
