// SPDX-License-Identifier: BSL-1.0
#include "tandem/queue/acknowledged_queue.hpp"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "queue/elements.hpp"
#include "support/build_kind.hpp"
#include "support/catch.hpp"
#include "support/error_of.hpp"
#include "support/kill_at_each_instruction.hpp"
#include "support/place.hpp"
#include "support/probes.hpp"
#include "support/random_kill.hpp"
#include "support/watchdog.hpp"
#include "tandem/core.hpp"
#include "tandem/execution/process.hpp"
#include "tandem/execution/thread.hpp"
#include "tandem/memory/codec_shm_vector.hpp"
#include "tandem/memory/shared.hpp"
#include "tandem/memory/shm.hpp"
#include "tandem/os/clock.hpp"
#include "tandem/queue/bounded_queue.hpp"
#include "tandem/sync/wait.hpp"

using namespace std::chrono_literals;
using tandem::acknowledged_queue, tandem::shared;
using tandem_test::ContainsSubstring, tandem_test::make, tandem_test::number_of, tandem_test::place,
    tandem_test::verdict;
using numbers = acknowledged_queue<long>;

namespace {

/// All that can be received at once, acknowledged.
template <class T> std::vector<int> rest_of(acknowledged_queue<T>& queue) {
  std::vector<int> result;
  while (auto one = queue.try_receive()) {
    result.push_back(number_of(**one));
    one->acknowledge();
  }
  return result;
}

}  // namespace

TEMPLATE_TEST_CASE("acknowledged_queue: gives each element, in order, to be acknowledged",
                   "[queue][acknowledged_queue]", long, tandem_test::page, std::string) {
  shared<acknowledged_queue<TestType>> queue(3);
  CHECK(queue->capacity() == 3);
  CHECK_FALSE(queue->try_receive());
  CHECK_FALSE(queue->receive_for(1ms));
  CHECK_FALSE(queue->receive_until(tandem::deadline::after(1ms)));
  tandem::stop_source stop;
  stop.request_stop();
  CHECK_FALSE(queue->receive(stop.get_token()));
  for (int round = 0; round < 40; ++round) {
    for (int i = 0; i < 3; ++i) CHECK(queue->try_push(make<TestType>(i)));
    auto first = queue->receive();
    REQUIRE(first);
    CHECK(number_of(**first) == 0);
    CHECK_FALSE(queue->try_push(make<TestType>(9)));  // what is in hand keeps its place
    CHECK(number_of(*queue->pop()) == 1);             // acknowledged at once
    CHECK_FALSE(queue->try_push(make<TestType>(9)));  // places are used in their order
    CHECK(first->acknowledge());
    CHECK(queue->try_push(make<TestType>(3)));
    CHECK(queue->try_push(make<TestType>(4)));
    CHECK(rest_of(*queue) == std::vector<int>{2, 3, 4});
  }
}

TEST_CASE("acknowledged_queue: what it refuses to be made of", "[queue][acknowledged_queue]") {
  CHECK_THROWS_AS(numbers(0), std::invalid_argument);
  CHECK_THROWS_AS(numbers(4, -1), std::invalid_argument);
  CHECK_THROWS_WITH(numbers(4, 0), ContainsSubstring("most_deliveries"));
}

TEST_CASE("acknowledged_queue: shared memory in an element is copied out, and there again",
          "[queue][acknowledged_queue]") {
  shared<acknowledged_queue<tandem::shm::vector<int>>> queue(2);
  queue->push(tandem::shm::vector<int>{1, 2, 3});
  for (unsigned round = 1; round < 4; ++round) {
    auto one = queue->receive();
    REQUIRE(one);
    CHECK(**one == tandem::shm::vector<int>{1, 2, 3});
    CHECK(one->number() == round);
  }
  CHECK(queue->pop() == tandem::shm::vector<int>{1, 2, 3});

  shared<acknowledged_queue<shared<std::atomic<int>>>> handles(2);
  shared<std::atomic<int>> counted(0);
  handles->push(counted);
  for (int i = 0; i < 3; ++i) ++***handles->receive();
  CHECK(*counted == 3);
  CHECK(handles->pop());
  CHECK(counted.use_count() == 1);
}

TEST_CASE("acknowledged_queue: closed, it ends where all is acknowledged", "[queue][acknowledged_queue]") {
  shared<numbers> queue(4);
  queue->push(1);
  auto mine = queue->receive();
  queue->close();
  CHECK_FALSE(queue->receive());  // who has something in hand waits for nobody
  std::atomic<int> got{0};
  std::thread other([&] {
    while (auto one = queue->receive()) {
      got += static_cast<int>(**one);
      one->acknowledge();
    }
  });
  SECTION("acknowledged") {
    CHECK(mine->acknowledge());
    other.join();
    CHECK(got == 0);
  }
  SECTION("given back") {
    mine.reset();
    other.join();
    CHECK(got == 1);
  }
}

TEMPLATE_TEST_CASE("acknowledged_queue: what a dead worker had in hand goes to another",
                   "[queue][acknowledged_queue][death]", long, std::string) {
  shared<acknowledged_queue<TestType>> queue(4);
  for (int i = 0; i < 3; ++i) queue->push(make<TestType>(i));
  auto& has = place<std::atomic<int>>(0);
  tandem::process victim([queue, &has] {
    auto const one = queue->receive(), two = queue->receive();
    has = 1;
    for (;;) ::pause();
  });
  while (has == 0) std::this_thread::yield();
  bool const asleep = GENERATE(true, false);
  if (asleep) CHECK(number_of(*queue->pop()) == 2);
  std::set<int> got;
  std::vector<unsigned> deliveries;
  std::thread heir([&] {
    while (auto one = queue->receive()) {
      got.insert(number_of(**one));
      deliveries.push_back(one->number());
      one->acknowledge();
    }
  });
  victim.kill(SIGKILL);
  CHECK_FALSE(victim.join().has_value());
  queue->close();
  heir.join();
  CHECK(got == (asleep ? std::set<int>{0, 1} : std::set<int>{0, 1, 2}));
  CHECK(std::count(deliveries.begin(), deliveries.end(), 2U) == 2);
}

TEST_CASE("acknowledged_queue: poison is set aside", "[queue][acknowledged_queue][death]") {
  shared<acknowledged_queue<std::string>> queue(4, 3);
  queue->push("good");
  queue->push("poison");
  queue->push("good too");
  std::vector<tandem::process<void>> workers;
  int deaths = 0;
  for (bool alive = true; alive;) {
    tandem::process worker([queue] {
      while (auto one = queue->try_receive()) {
        if (**one == "poison") ::raise(SIGKILL);
        one->acknowledge();
      }
    });
    alive = !worker.join().has_value();
    deaths += alive ? 1 : 0;
  }
  CHECK(deaths == 3);
  CHECK_FALSE(queue->try_receive());
  CHECK(queue->poisoned() == 1);
  CHECK(queue->pop_poisoned() == "poison");
  CHECK(queue->pop_poisoned() == std::nullopt);
  for (int i = 0; i < 4; ++i) CHECK(queue->try_push("more"));
}

TEST_CASE("acknowledged_queue: of poison as much is kept as it holds", "[queue][acknowledged_queue]") {
  shared<numbers> queue(2, 1);
  for (long i = 0; i < 5; ++i) {
    queue->push(i);
    CHECK(queue->try_receive());
    CHECK_FALSE(queue->try_receive());
  }
  CHECK(queue->poisoned() == 5);
  CHECK(queue->pop_poisoned() == 0);
  CHECK(queue->pop_poisoned() == 1);
  CHECK_FALSE(queue->pop_poisoned());
}

TEST_CASE("acknowledged_queue: its ends receive, and are waited for", "[queue][acknowledged_queue][wait]") {
  shared<numbers> queue(4);
  auto in = queue->consumer();
  auto out = queue->producer();
  CHECK(tandem::wait_any(1ms, in) == std::nullopt);
  CHECK_FALSE(in.try_receive());
  out.push(1);
  CHECK(tandem::wait_any(in) == 0);
  {
    auto const one = in.receive();
    CHECK(tandem::wait_any(1ms, in) == std::nullopt);
  }
  CHECK(tandem::wait_any(in) == 0);  // given back
  CHECK(in.receive_for(1h)->acknowledge());
  tandem::process worker(
      [](auto mine) {
        auto const one = mine.receive();
        ::raise(SIGKILL);
      },
      queue->consumer());
  out.push(2);
  CHECK_FALSE(worker.join().has_value());
  CHECK(tandem::wait_any(in) == 0);
  CHECK(**in.receive() == 2);
}

// ---- killed at each instruction

namespace {

constexpr int capacity = 3;

template <class T> tandem_test::kill_report kill_in(bool acknowledges, int inside, bool orphaned) {
  using queue_type = acknowledged_queue<T>;
  auto queue_of_all = std::make_unique<shared<queue_type>>(capacity);
  auto& done = place<std::atomic<int>>(0);
  return tandem_test::kill_at_each_instruction({
      .reset =
          [&] {
            done = 0;
            queue_of_all = std::make_unique<shared<queue_type>>(capacity);
            for (int i = 0; i < inside; ++i) (*queue_of_all)->try_push(make<T>(i));
            if (orphaned) {
              auto const one = (*queue_of_all)->try_receive();  // given back
            }
          },
      .prepare =
          [] {
            acknowledged_queue<T> mine(1);
            mine.try_push(make<T>(0));
            mine.try_receive();
            mine.try_receive()->acknowledge();
          },
      .operation =
          [&] {
            auto one = (*queue_of_all)->try_receive();
            if (acknowledges && one->acknowledge()) done = 1;
            if (!acknowledges) one.reset();
          },
      .check = [&]() -> verdict {
        auto& queue = **queue_of_all;
        bool const was_acknowledged = done == 1;
        queue.close();
        std::multiset<int> got;
        while (auto one = queue.receive()) {
          got.insert(number_of(**one));
          one->acknowledge();
        }
        for (int i = 0; i < inside; ++i) {
          auto const times = got.count(i);
          if (times > 1) return "acknowledged, and yet there again";
          if (times == 0 && !(acknowledges && i == 0)) return "one is lost";
        }
        if (got.count(0) == 1 && was_acknowledged) return "acknowledged, and yet there again";
        if (got.size() > static_cast<std::size_t>(inside)) return "torn";
        return true;
      },
      .stride = std::is_same_v<T, std::string> ? 31 : 5,
  });
}

}  // namespace

TEMPLATE_TEST_CASE(
    "acknowledged_queue: killed at each instruction of receiving, acknowledging, giving back, none is lost",
    "[queue][acknowledged_queue][kill]", long, tandem_test::large, std::string) {
  for (bool const acknowledges : {true, false})
    for (bool const orphaned : {false, true}) {
      auto const report = kill_in<TestType>(acknowledges, 2, orphaned);
      INFO((acknowledges ? "acknowledges" : "gives back")
           << (orphaned ? ", what came back" : "") << ": " << report.to_string());
      CHECK(report.passed());
    }
}

TEST_CASE("acknowledged_queue: a bounded_queue fails the same test", "[queue][acknowledged_queue][kill][control]") {
  if (tandem_test::brief()) return;
  tandem_test::no_wider_stride const here;
  auto queue = std::make_unique<shared<tandem::bounded_queue<long>>>(capacity);
  auto& done = place<std::atomic<int>>(0);
  auto const report = tandem_test::kill_at_each_instruction({
      .reset =
          [&] {
            done = 0;
            queue = std::make_unique<shared<tandem::bounded_queue<long>>>(capacity);
            (*queue)->try_push(1);
          },
      .prepare = [] { tandem::bounded_queue<long>(1).try_push(0); },
      .operation =
          [&] {
            (*queue)->try_pop();
            done = 1;
          },
      .check = [&]() -> verdict {
        return (*queue)->try_pop().has_value() || done == 1 ? verdict(true) : verdict("one is lost");
      },
  });
  INFO(report.to_string());
  CHECK((!report.skipped.empty() || report.failures > 0));
}

TEMPLATE_TEST_CASE("acknowledged_queue: workers killed at random, each element is acknowledged",
                   "[queue][acknowledged_queue][kill]", long, std::string) {
  if (tandem_test::soaking()) tandem_test::watchdog::allow(std::chrono::hours(4));
  tandem::commons();
  shared<acknowledged_queue<TestType>> queue(16);
  constexpr int total = 1 << 20;
  struct board {
    std::atomic<int> next{0};
    std::atomic<long> acknowledged{0}, wrong{0}, dead_producers{0};
    std::atomic<unsigned char> seen[total];
  };
  auto& all = place<board>();
  auto const report = tandem_test::random_kill({
      .workers = 4,
      .kills = tandem_test::repetitions(tandem_test::sanitized ? 100 : 150, 10'000),
      .work =
          [&](int worker, std::uint64_t) {
            if (worker < 2) {
              for (;;) queue->push(make<TestType>(all.next++ % total));
            }
            while (auto one = queue->receive()) {
              int const number = number_of(**one);
              if (number < 0)
                ++all.wrong;
              else
                all.seen[number] = 1;  // its effect, which may come twice
              if (one->acknowledge()) ++all.acknowledged;
            }
          },
      .check = [&](int worker) -> verdict {
        all.dead_producers += worker < 2 ? 1 : 0;
        if (all.wrong != 0) return "torn";
        long const before = all.acknowledged;
        auto const until = tandem::os::monotonic_ns() + 10'000'000'000;
        while (all.acknowledged == before)
          if (tandem::os::monotonic_ns() > until) return "nobody gets on";
        return true;
      },
  });
  INFO(report.to_string());
  CHECK(report.passed());
  queue->close();
  while (auto one = queue->receive()) {
    all.seen[number_of(**one)] = 1;
    one->acknowledge();
  }
  // The producer may be killed between a number and its push: so many may be missing, at most.
  long missing = 0;
  for (int i = 0; i < std::min<int>(all.next, total); ++i) missing += all.seen[i] == 0 ? 1 : 0;
  CHECK(missing <= all.dead_producers + 2);
  CHECK(queue->poisoned() == 0);
}
