// SPDX-License-Identifier: BSL-1.0
#include "tandem/crew/future.hpp"

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include "support/catch.hpp"
#include "tandem/core.hpp"
#include "tandem/crew/pool.hpp"
#include "tandem/memory/shared.hpp"

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
