// SPDX-License-Identifier: BSL-1.0
// What can be asked for a single task: its turn, tries, a stop; and tasks that wait for tasks.
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "support/error_of.hpp"
#include "tandem/core.hpp"
#include "tandem/crew/pool.hpp"
#include "tandem/execution/this_unit.hpp"
#include "tandem/memory/shared.hpp"

using namespace std::chrono_literals;
using namespace tandem_test;
using tandem::future, tandem::pool, tandem::priority, tandem::process, tandem::retry_on, tandem::shared, tandem::thread;

namespace {

/// A task that keeps its worker until the flag is set.
template <class Pool> future<void> block(Pool& workers, shared<std::atomic<int>> const& open) {
  shared<std::atomic<int>> begun(0);
  auto blocked = workers.submit([begun, open] {
    *begun = 1;
    while (*open == 0) std::this_thread::yield();
  });
  while (*begun == 0) std::this_thread::yield();
  return blocked;
}

struct turns {
  std::atomic<int> count{0};
  std::atomic<int> entries[64] = {};
};

}  // namespace

template <> inline constexpr bool tandem::enable_shareable<turns> = true;

TEMPLATE_TEST_CASE("pool: tasks of a higher priority go first, equals in their order", "[crew][pool][priority]",
                   pool<thread>, pool<process>) {
  TestType workers(1);
  shared<std::atomic<int>> open(0);
  shared<turns> order;
  auto const blocked = block(workers, open);
  std::vector<future<void>> all;
  int number = 0;
  for (int round = 0; round < 4; ++round)
    for (auto const which : {priority::low, priority::normal, priority::high}) {
      int const mine = 10 * static_cast<int>(which) + number++ / 3;
      all.push_back(workers.submit({.priority = which}, [order, mine] { order->entries[order->count++] = mine; }));
    }
  *open = 1;
  for (auto& one : all) one.get();
  std::vector<int> seen;
  for (int i = 0; i < order->count; ++i) seen.push_back(order->entries[i]);
  CHECK(seen == std::vector<int>{20, 21, 22, 23, 10, 11, 12, 13, 0, 1, 2, 3});
}

TEMPLATE_TEST_CASE("pool: priorities beyond what its board holds, and at the end", "[crew][pool][priority]",
                   pool<thread>, pool<process>) {
  shared<std::atomic<int>> done(0);
  {
    TestType workers(2);
    for (int i = 0; i < 2000; ++i)
      for (auto const which : {priority::low, priority::normal, priority::high})
        workers.submit({.priority = which}, [done] { ++*done; });
  }
  CHECK(*done == 6000);
  TestType idle(2);
  for (int i = 0; i < 200; ++i)  // one that sleeps is woken
    CHECK(idle.submit({.priority = i % 2 == 0 ? priority::low : priority::high}, [i] { return i; }).get() == i);
}

TEMPLATE_TEST_CASE("pool: what throws is tried again as often as asked", "[crew][pool][retry]", pool<thread>,
                   pool<process>) {
  TestType workers(2);
  shared<std::atomic<int>> tries(0);
  auto const third_time = [tries](std::string const& text) {
    if (++*tries < 3) throw std::domain_error(text);
    return text;
  };
  CHECK(workers.submit({.retries = 2}, third_time, std::string(100, 'x')).get() == std::string(100, 'x'));
  CHECK(*tries == 3);
  *tries = 0;
  auto const outcome = workers.submit({.retries = 1}, third_time, std::string("no")).get_outcome();
  REQUIRE_FALSE(outcome);
  CHECK_THAT(outcome.error().what(), ContainsSubstring("no"));
  CHECK(*tries == 2);
  *tries = 0;
  CHECK_FALSE(
      workers.submit({.retries = 5, .retry_on = retry_on::death | retry_on::timeout}, third_time, std::string("no"))
          .get_outcome());
  CHECK(*tries == 1);
}

TEST_CASE("pool: what kills its worker is tried again as often as asked", "[crew][pool][retry][death]") {
  pool<process> workers(2);
  shared<std::atomic<int>> tries(0);
  auto const deadly = [tries](std::vector<int> values, int good_at) {
    if (++*tries < good_at) ::raise(SIGKILL);
    return values;
  };
  std::vector<int> const values(10'000, 7);
  CHECK(workers.submit({.retries = 3}, deadly, values, 4).get() == values);
  CHECK(*tries == 4);
  *tries = 0;
  auto const outcome = workers.submit({.retries = 3}, deadly, values, 100).get_outcome();  // the poison limit
  REQUIRE_FALSE(outcome);
  CHECK(outcome.error().signal() == SIGKILL);
  CHECK(*tries == 4);
  *tries = 0;
  CHECK_FALSE(workers.submit({.retries = 3, .retry_on = retry_on::exception}, deadly, values, 2).get_outcome());
  CHECK(*tries == 1);
  CHECK(workers.submit([] { return 5; }).get() == 5);
}

TEST_CASE("pool: what is late is tried again as often as asked", "[crew][pool][retry][death]") {
  pool<process> workers(2);
  shared<std::atomic<int>> tries(0);
  auto const slow = [tries](int good_at) {
    if (++*tries < good_at)
      for (;;) ::pause();
    return 1;
  };
  CHECK(workers.submit({.timeout = 50ms, .retries = 2}, slow, 3).get() == 1);
  *tries = 0;
  auto const outcome = workers.submit({.timeout = 20ms, .retries = 1}, slow, 100).get_outcome();
  REQUIRE_FALSE(outcome);
  CHECK(outcome.error().timed_out());
  CHECK(*tries == 2);
}

namespace late {

/// Kills its process when it has been encoded, if it is told to.
struct result {
  std::string text;
  bool deadly = false;

  explicit result(std::string value, bool kills = false) : text(std::move(value)), deadly(kills) {}
  result(result&& other) noexcept : text(std::move(other.text)), deadly(std::exchange(other.deadly, false)) {}
  ~result() {
    if (deadly) ::raise(SIGKILL);
  }
};

}  // namespace late

template <> struct tandem::codec<late::result> {
  static constexpr std::size_t least_size = 1;
  static constexpr bool carries_descriptors = false;
  static void encode(writer& to, late::result const& one) { codec<std::string>::encode(to, one.text); }
  static late::result decode(reader& from) { return late::result(codec<std::string>::decode(from)); }
};

TEST_CASE("pool: what a try that died had made is given back", "[crew][pool][retry][death]") {
  pool<process> workers(1);
  shared<std::atomic<int>> tries(0);
  auto const once = [tries](std::string text) { return late::result(std::move(text), ++*tries % 2 == 1); };
  std::string const text(100'000, 'x');
  auto const run = [&] {
    CHECK(workers.submit({.retries = 1, .retry_on = retry_on::death}, once, text).get().text == text);
  };
  for (int i = 0; i < 5; ++i) run();
  auto const before = tandem::commons().statistics().live_bytes;
  for (int i = 0; i < 40; ++i) run();
  CHECK(tandem::commons().statistics().live_bytes < before + 10 * text.size());
  CHECK(*tries == 90);
}

TEST_CASE("pool: a task that ends when its time is up ends once, and takes no other along", "[crew][pool][death]") {
  pool<process> workers(2);
  std::vector<future<int>> tight, others;
  for (int i = 0; i < 200; ++i) {
    tight.push_back(workers.submit({.timeout = 2ms}, [i] {
      auto const until = std::chrono::steady_clock::now() + 1900us + std::chrono::microseconds(i);
      while (std::chrono::steady_clock::now() < until) {}
      return i;
    }));
    for (int k = 0; k < 3; ++k) others.push_back(workers.submit([i] { return i; }));
  }
  int wrong = 0, lost = 0;
  for (int i = 0; i < 200; ++i) {
    auto const outcome = tight[static_cast<std::size_t>(i)].get_outcome();
    wrong += outcome ? *outcome != i : !outcome.error().timed_out();
  }
  for (auto& one : others) lost += one.get_outcome().has_value() ? 0 : 1;
  CHECK(wrong == 0);
  CHECK(lost == 0);
}

TEST_CASE("pool: what cannot be copied cannot be tried again", "[crew][pool][retry]") {
  pool<thread> threads(1);
  CHECK_THROWS_WITH(threads.submit(
                        {.retries = 1}, [](std::unique_ptr<int>) {}, std::make_unique<int>(1)),
                    ContainsSubstring("retries"));
  CHECK_THROWS_WITH(threads.submit({.retries = 1}, [p = std::make_unique<int>(1)] { return *p; }),
                    ContainsSubstring("retries"));
  pool<process> processes(1);  // arguments are encoded there
  shared<std::atomic<int>> tries(0);
  auto const twice = [tries](std::unique_ptr<int> p) {
    if (++*tries == 1) ::raise(SIGKILL);
    return *p;
  };
  CHECK(processes.submit({.retries = 1}, twice, std::make_unique<int>(3)).get() == 3);
  CHECK_THROWS_WITH(processes.submit({.retries = 1}, [p = std::unique_ptr<int>()] { return p == nullptr; }),
                    ContainsSubstring("retries"));
}

TEMPLATE_TEST_CASE("future: cancel takes back what has not begun, and asks what runs to stop", "[crew][future]",
                   pool<thread>, pool<process>) {
  TestType workers(1);
  shared<std::atomic<int>> begun(0);
  auto runs = workers.submit([begun](tandem::stop_token stop) {
    *begun = 1;
    while (!stop.stop_requested()) std::this_thread::yield();
    return 7;
  });
  auto waits = workers.submit([begun] { *begun = 2; });
  while (*begun == 0) std::this_thread::yield();
  CHECK(waits.cancel());
  CHECK_FALSE(waits.cancel());
  auto const outcome = waits.get_outcome();
  REQUIRE_FALSE(outcome);
  CHECK_THAT(outcome.error().what(), ContainsSubstring("cancelled"));
  CHECK_FALSE(runs.cancel());
  CHECK(runs.get() == 7);
  CHECK(*begun == 1);
  CHECK_THROWS_AS(runs.cancel(), std::logic_error);
  auto over = workers.submit([] {});
  over.wait();
  CHECK_FALSE(over.cancel());
  CHECK(over.get_outcome().has_value());
}

TEMPLATE_TEST_CASE("pool: shut down now, what runs is asked to stop", "[crew][pool]", pool<thread>, pool<process>) {
  TestType workers(2);
  shared<std::atomic<int>> begun(0);
  std::vector<future<int>> all;
  for (int i = 0; i < 2; ++i)
    all.push_back(workers.submit([begun](tandem::stop_token stop) {
      ++*begun;
      while (!stop.stop_requested()) std::this_thread::yield();
      return 1;
    }));
  while (*begun < 2) std::this_thread::yield();
  workers.shutdown_now();
  for (auto& one : all) CHECK(one.get() == 1);
}

namespace {

long leaves(pool<thread>& workers, int depth) {
  if (depth == 0) return 1;
  auto left = workers.submit([&workers, depth] { return leaves(workers, depth - 1); });
  auto right = workers.submit([&workers, depth] { return leaves(workers, depth - 1); });
  return left.get() + right.get();
}

}  // namespace

TEST_CASE("pool: a task that waits for tasks of its pool does them, where no worker is free", "[crew][pool][nested]") {
  auto const width = GENERATE(1, 2, 5);
  pool<thread> workers(width);
  CHECK(workers.submit([&] { return leaves(workers, 8); }).get() == 256);
  std::vector<future<long>> many;
  for (int i = 0; i < 20; ++i) many.push_back(workers.submit([&] { return leaves(workers, 4); }));
  for (auto& one : many) CHECK(one.get() == 16);
  CHECK(leaves(workers, 4) == 16);
}

TEST_CASE("pool: a task that waits does what it waits for, and nothing else", "[crew][pool][nested]") {
  pool<thread> workers(1);
  std::atomic<int> step = 0;
  std::thread::id outer, inner;
  future<void> other;
  workers
      .submit([&] {
        outer = std::this_thread::get_id();
        other = workers.submit([&] { CHECK(step++ == 1); });  // before it in the queue
        workers
            .submit([&] {
              inner = std::this_thread::get_id();
              CHECK(step++ == 0);
            })
            .get();
      })
      .get();
  other.get();
  CHECK(inner == outer);
  CHECK(step == 2);
}

TEST_CASE("pool: a task cannot wait for all tasks of its pool", "[crew][pool][nested]") {
  pool<thread> workers(1);
  CHECK(error_of([&] { workers.submit([&] { workers.wait(); }).get(); }) == EDEADLK);
  CHECK(error_of([&] { workers.submit([&] { workers.shutdown(); }).get(); }) == EDEADLK);
  CHECK(error_of([&] { workers.submit([&] { workers.shutdown_now(); }).get(); }) == EDEADLK);
  CHECK(workers.submit([] { return 1; }).get() == 1);
}

TEMPLATE_TEST_CASE("pool: in a task of another one", "[crew][pool][nested]", pool<thread>, pool<process>) {
  TestType outer(2);
  auto const work = [](int n) {
    TestType inner(2);
    auto const parts = inner.map(std::vector<int>{1, 2, 3}, [n](int k) { return n * k; });
    return parts[0] + parts[1] + parts[2];
  };
  CHECK(outer.map(std::vector<int>{1, 2, 3, 4}, work) == std::vector<int>{6, 12, 18, 24});
}
