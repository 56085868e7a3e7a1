// SPDX-License-Identifier: BSL-1.0
#include "tandem/crew/future.hpp"

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "tandem/core.hpp"
#include "tandem/crew/pool.hpp"
#include "tandem/memory/shared.hpp"
#include "tandem/resource/event.hpp"
#include "tandem/sync/wait.hpp"
#include "tandem/sync/wait_set.hpp"

using namespace std::chrono_literals;
using tandem::future, tandem::pool, tandem::process, tandem::shared, tandem::thread;

TEST_CASE("future: without a task it has no state", "[crew][future]") {
  future<int> none;
  CHECK_FALSE(none.valid());
  CHECK_THROWS_AS(none.wait(), std::logic_error);
  CHECK_THROWS_AS(none.wait_for(1s), std::logic_error);
  CHECK_THROWS_AS(none.get(), std::logic_error);
  CHECK_THROWS_AS(none.get_outcome(), std::logic_error);
}

TEMPLATE_TEST_CASE("future: waits with a limit, gives once", "[crew][future]", pool<thread>, pool<process>) {
  TestType workers(1);
  shared<std::atomic<bool>> go(false);
  auto text = workers.submit([go] {
    while (!*go) std::this_thread::yield();
    return std::string("done");
  });
  CHECK(text.valid());
  CHECK(text.wait_for(0s) == tandem::future_status::timeout);
  CHECK(text.wait_for(1ms) == tandem::future_status::timeout);
  CHECK(text.wait_until(std::chrono::steady_clock::now() + 1ms) == tandem::future_status::timeout);
  *go = true;
  text.wait();
  CHECK(text.wait_for(0s) == tandem::future_status::ready);
  auto moved = std::move(text);
  CHECK_FALSE(text.valid());
  CHECK(moved.get() == "done");
  CHECK_FALSE(moved.valid());
  CHECK_THROWS_AS(moved.get(), std::logic_error);
}

TEMPLATE_TEST_CASE("future: outlives its pool", "[crew][future]", pool<thread>, pool<process>) {
  future<std::string> text;
  {
    TestType workers(1);
    text = workers.submit([] { return std::string("after"); });
  }
  CHECK(text.get() == "after");
}

TEMPLATE_TEST_CASE("future: a copy of the outcome of nothing", "[crew][future]", pool<thread>, pool<process>) {
  TestType workers(1);
  auto done = workers.submit([] {});
  CHECK(done.get_outcome().has_value());
  auto again = workers.submit([] {});
  again.get();
  CHECK_FALSE(again.valid());
}

TEMPLATE_TEST_CASE("future: waited for beside others", "[crew][future]", pool<thread>, pool<process>) {
  TestType workers(2);
  shared<std::atomic<int>> stage(0);
  auto const until = [stage](int least) {
    while (*stage < least) std::this_thread::yield();
    return least;
  };
  auto first = workers.submit(until, 2), second = workers.submit(until, 1);
  tandem::event never;
  CHECK(tandem::wait_any(1ms, first, second, never) == std::nullopt);
  *stage = 1;
  CHECK(tandem::wait_any(first, second, never) == 1);
  CHECK(second.get() == 1);
  CHECK_FALSE(tandem::wait_all(1ms, first));
  std::jthread last([&] { *stage = 2; });
  CHECK(tandem::wait_any(never, first) == 1);
  tandem::wait_all(first);
  CHECK(first.get() == 2);
  CHECK(first.wait_handle() == -1);
  CHECK_THROWS_AS(tandem::wait_any(first), std::invalid_argument);
}

TEST_CASE("future: a task that dies wakes who waits for it beside others", "[crew][future][death]") {
  pool<process> workers(1);
  tandem::event never;
  auto dies = workers.submit([] { ::raise(SIGKILL); });
  CHECK(tandem::wait_any(never, dies) == 1);
  CHECK_FALSE(dies.get_outcome().has_value());
}

TEMPLATE_TEST_CASE("future: hundreds in a wait_set", "[crew][future]", pool<thread>, pool<process>) {
  TestType workers(2);
  std::vector<future<int>> all;
  for (int i = 0; i < 300; ++i) all.push_back(workers.submit([](int k) { return k; }, i));
  tandem::wait_set set;
  for (std::size_t i = 0; i < all.size(); ++i) set.add(all[i], i);
  long sum = 0;
  while (!set.empty()) sum += all[set.wait()].get();
  CHECK(sum == 300 * 299 / 2);
}
