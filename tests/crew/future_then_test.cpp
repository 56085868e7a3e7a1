// SPDX-License-Identifier: BSL-1.0
// What follows a task: then, and coroutines.
#include <atomic>
#include <coroutine>
#include <csignal>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "tandem/core.hpp"
#include "tandem/crew/future.hpp"
#include "tandem/crew/pool.hpp"
#include "tandem/memory/shared.hpp"
#include "tandem/sync/wait.hpp"

using namespace tandem_test;
using tandem::future, tandem::outcome, tandem::pool, tandem::process, tandem::shared, tandem::thread;

namespace {

/// A coroutine that begins at once, and is told of by a flag.
class detached {
 public:
  struct promise_type {
    detached get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
};

void wait_for(std::atomic<int> const& flag, int value = 1) {
  while (flag != value) std::this_thread::yield();
}

}  // namespace

TEMPLATE_TEST_CASE("future: then gives what its function makes of the value", "[crew][future][then]", pool<thread>,
                   pool<process>) {
  TestType workers(2);
  auto text = workers.submit([](int n) { return n + 1; }, 41)
                  .then([](int n) { return std::to_string(n); })
                  .then([](std::string const& s) { return s + '!'; });
  CHECK(text.get() == "42!");
  int called = 0;
  workers.submit([] {}).then([&] { ++called; }).get();
  CHECK(called == 1);
  CHECK(*workers.submit([] { return std::make_unique<int>(3); }).then([](std::unique_ptr<int> p) { return p; }).get() ==
        3);
}

TEMPLATE_TEST_CASE("future: then passes failures on, or takes them", "[crew][future][then]", pool<thread>,
                   pool<process>) {
  TestType workers(2);
  auto const fails = [] { return throw std::domain_error("bad"), 1; };
  bool called = false;
  CHECK_THROWS_AS(workers.submit(fails).then([&](int n) { return called = true, n; }).get(), std::domain_error);
  CHECK_FALSE(called);
  CHECK(workers.submit(fails).then([](outcome<int> const& end) { return end.has_value() ? 1 : 2; }).get() == 2);
  CHECK_THROWS_WITH(workers.submit([] { return 1; }).then([](int) -> int { throw std::domain_error("later"); }).get(),
                    "later");
  future<int> none;
  CHECK_THROWS_AS(none.then([](int) {}), std::logic_error);
  auto first = workers.submit([] { return 1; });
  auto second = first.then([](int n) { return n; });
  CHECK_FALSE(first.valid());
  CHECK(second.get() == 1);
}

TEST_CASE("future: then hears of deaths", "[crew][future][then][death]") {
  pool<process> workers(2);
  auto const kill = [] { return ::raise(SIGKILL); };
  CHECK(workers.submit(kill).then([](outcome<int> const& end) { return end.error().signal(); }).get() == SIGKILL);
  CHECK_THROWS_AS(workers.submit(kill).then([](int n) { return n; }).get(), tandem::unit_died);
}

TEMPLATE_TEST_CASE("future: what follows is done though nobody keeps its future, and the pool has gone",
                   "[crew][future][then]", pool<thread>, pool<process>) {
  std::atomic<int> done = 0;
  {
    TestType workers(2);
    for (int i = 0; i < 100; ++i)
      workers.submit([i] { return i; }).then([&](int n) { return n; }).then([&](int n) { done += n >= 0 ? 1 : 0; });
  }
  wait_for(done, 100);
  future<int> kept;
  {
    TestType workers(1);
    kept = workers.submit([] { return 1; }).then([](int n) { return n + 1; });
  }
  CHECK(kept.get() == 2);
}

TEMPLATE_TEST_CASE("future: what follows can be cancelled, waited for beside others, and submit more",
                   "[crew][future][then]", pool<thread>, pool<process>) {
  TestType workers(1);
  shared<std::atomic<int>> open(0);
  auto blocked = workers.submit([open] {
    while (*open == 0) std::this_thread::yield();
    return 1;
  });
  bool called = false;
  auto follower = blocked.then([&](int) { called = true; });
  CHECK(follower.cancel());
  CHECK_FALSE(follower.get_outcome().has_value());
  auto next =
      workers.submit([] { return 5; }).then([&](int n) { return workers.submit([](int m) { return 2 * m; }, n); });
  *open = 1;
  CHECK(tandem::wait_any(next) == 0);
  CHECK(next.get().get() == 10);
  CHECK_FALSE(called);
}

TEST_CASE("future: a task that waits for what follows a task of its pool does that one first", "[crew][future][then]") {
  pool<thread> workers(1);
  int order = 0;
  auto const nested = [&] {
    auto first = workers.submit([&] { return ++order; });
    return first.then([&](int n) { return 10 * n + ++order; }).then([&](int n) { return 10 * n + ++order; }).get();
  };
  CHECK(workers.submit(nested).get() == 123);
}

TEMPLATE_TEST_CASE("future: a coroutine goes on when the task is over", "[crew][future][then]", pool<thread>,
                   pool<process>) {
  TestType workers(2);
  std::atomic<int> ended = 0;
  std::string text;
  auto const chain = [](TestType& pool, std::string& result, std::atomic<int>& flag) -> detached {
    int const n = co_await pool.submit([] { return 20; });
    int const m = co_await pool.submit([](int k) { return k + 1; }, n);
    try {
      co_await pool.submit([] { throw std::domain_error("bad"); });
    } catch (std::domain_error const& error) { result = error.what() + std::to_string(m); }
    flag = 1;
  };
  chain(workers, text, ended);
  wait_for(ended);
  CHECK(text == "bad21");
}

TEST_CASE("future: a coroutine may be the last to hold a pool", "[crew][future][then]") {
  std::atomic<int> ended = 0;
  auto const chain = [](std::atomic<int>& flag) -> detached {
    auto own = std::make_unique<pool<thread>>(1);
    auto last = own->submit([] { return 1; });
    own.reset();
    int const n = co_await std::move(last);
    flag = n;
  };
  for (int i = 1; i <= 50; ++i) {
    ended = 0;
    chain(ended);
    wait_for(ended);
  }
}
