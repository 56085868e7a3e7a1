// SPDX-License-Identifier: BSL-1.0
#include "tandem/sync/stop_token.hpp"

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <vector>

#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/place.hpp"
#include "tandem/memory/shared.hpp"

using namespace std::chrono_literals;
using tandem_test::child_process, tandem_test::place;

namespace {

/// The standard's types and ours, for the same test bodies.
struct stops_of_std {
  using source = std::stop_source;
  using token = std::stop_token;
  template <class F> using callback = std::stop_callback<F>;
  static constexpr auto none = std::nostopstate;
};
struct stops_of_tandem {
  using source = tandem::stop_source;
  using token = tandem::stop_token;
  template <class F> using callback = tandem::stop_callback<F>;
  static constexpr auto none = tandem::nostopstate;
};

/// A child whose copies of `source` and `token` count as its own, as a process's arguments do.
template <class F> child_process fork_with(tandem::stop_source const& source, F body) {
  tandem::impl::token const member = tandem::impl::members::claim();
  std::optional<tandem::stop_source> copy;
  {
    tandem::impl::travel_scope const on_the_way(member);
    copy.emplace(source);
  }
  return child_process([&copy, member, body] {
    tandem::impl::members::become(member);
    body(*copy);
  });
}

}  // namespace

TEMPLATE_TEST_CASE("stop_token: std's meaning", "[sync][stop]", stops_of_std, stops_of_tandem) {
  typename TestType::source source;
  auto token = source.get_token();
  CHECK(source.stop_possible());
  CHECK(token.stop_possible());
  CHECK_FALSE(token.stop_requested());
  CHECK(source.request_stop());
  CHECK_FALSE(source.request_stop());
  CHECK(token.stop_requested());
  CHECK(source.stop_requested());

  typename TestType::token empty;
  CHECK_FALSE(empty.stop_possible());
  CHECK_FALSE(empty.stop_requested());
  typename TestType::source const without(TestType::none);
  CHECK_FALSE(without.stop_possible());
  CHECK_FALSE(without.request_stop());
  CHECK(empty == without.get_token());
  CHECK(token == source.get_token());
  swap(empty, token);
  CHECK(empty.stop_requested());
  CHECK_FALSE(token.stop_requested());
}

TEMPLATE_TEST_CASE("stop_token: a stop is impossible when the last source is gone", "[sync][stop]", stops_of_std,
                   stops_of_tandem) {
  typename TestType::token token, stopped;
  {
    typename TestType::source source;
    token = source.get_token();
    auto copy = source;
    auto moved = std::move(source);
    CHECK(token.stop_possible());
    typename TestType::source other;
    other.request_stop();
    stopped = other.get_token();
    copy = moved;
  }
  CHECK_FALSE(token.stop_possible());
  CHECK(stopped.stop_possible());
}

TEMPLATE_TEST_CASE("stop_callback: runs once, in the thread that requests, or at once", "[sync][stop]", stops_of_std,
                   stops_of_tandem) {
  typename TestType::source source;
  std::vector<int> order;
  std::thread::id runner;
  auto note = [&](int n) {
    return [&order, &runner, n] {
      order.push_back(n);
      runner = std::this_thread::get_id();
    };
  };
  using callback = typename TestType::template callback<decltype(note(0))>;
  callback first(source.get_token(), note(1));
  { callback const removed(source.get_token(), note(2)); }
  std::thread([&] { source.request_stop(); }).join();
  CHECK(order == std::vector<int>{1});
  CHECK(runner != std::this_thread::get_id());
  callback late(source.get_token(), note(3));
  CHECK(order == std::vector<int>{1, 3});
  CHECK(runner == std::this_thread::get_id());
  callback never(typename TestType::token(), note(4));
  CHECK(order.size() == 2);
}

TEMPLATE_TEST_CASE("stop_callback: its destructor waits for a run in another thread, and not for its own",
                   "[sync][stop]", stops_of_std, stops_of_tandem) {
  typename TestType::source source;
  std::atomic<int> stage{0};
  {
    auto body = [&] {
      stage.store(1);
      stage.notify_all();
      std::this_thread::yield();
      stage.store(2);
    };
    std::optional<typename TestType::template callback<decltype(body)>> callback;
    callback.emplace(source.get_token(), body);
    std::thread requester([&] { source.request_stop(); });
    stage.wait(0);
    callback.reset();
    CHECK(stage == 2);
    requester.join();
  }
  typename TestType::source other;
  std::function<void()> destroy;
  std::optional<typename TestType::template callback<std::function<void()>>> self;
  destroy = [&self] { self.reset(); };
  self.emplace(other.get_token(), destroy);
  other.request_stop();
  CHECK_FALSE(self.has_value());
}

TEST_CASE("stop_token: wait wakes at the request, or when the time is up", "[sync][stop]") {
  tandem::stop_source source;
  auto token = source.get_token();
  CHECK_FALSE(token.wait_for(1ms));
  CHECK_FALSE(tandem::stop_token().wait_for(1ms));
  std::thread waiter([token] { CHECK(token.wait()); });
  source.request_stop();
  waiter.join();
  CHECK(token.wait_until(tandem::deadline::after(-1s)));
}

TEST_CASE("stop_token: a request crosses to a child, and back", "[sync][stop][processes]") {
  tandem::stop_source source;
  auto child = fork_with(source, [](tandem::stop_source const& stop) { CHECK(stop.get_token().wait()); });
  CHECK(source.request_stop());
  CHECK(child.join().passed());

  tandem::stop_source back;
  auto asking = fork_with(back, [](tandem::stop_source const& stop) { CHECK(stop.request_stop()); });
  CHECK(back.get_token().wait());
  CHECK(asking.join().passed());
  CHECK_FALSE(back.request_stop());
}

TEST_CASE("stop_token: exactly one of many processes makes the request", "[sync][stop][processes]") {
  auto& made = place<std::atomic<int>>(0);
  tandem::stop_source source;
  std::vector<child_process> children;
  for (int i = 0; i < 4; ++i) {
    children.push_back(
        fork_with(source, [&made](tandem::stop_source const& stop) { made += stop.request_stop() ? 1 : 0; }));
  }
  for (auto& child : children) CHECK(child.join().passed());
  made += source.request_stop() ? 1 : 0;
  CHECK(made == 1);
}

TEST_CASE("stop_token: who slept before the token travelled wakes as well", "[sync][stop][processes]") {
  tandem::stop_source source;
  std::thread waiter([token = source.get_token()] { CHECK(token.wait()); });
  auto child = fork_with(source, [](tandem::stop_source const& stop) { stop.request_stop(); });
  waiter.join();
  CHECK(child.join().passed());
}

TEST_CASE("stop_callback: runs here when another process requests the stop", "[sync][stop][processes]") {
  tandem::stop_source source;
  std::atomic<int> runs{0};
  tandem::stop_callback before(source.get_token(), [&runs] {
    ++runs;
    runs.notify_all();
  });
  auto child = fork_with(source, [](tandem::stop_source const& stop) { stop.request_stop(); });
  runs.wait(0);
  CHECK(runs == 1);
  CHECK(child.join().passed());

  tandem::stop_source other;
  auto waiting = fork_with(other, [](tandem::stop_source const& stop) {
    std::atomic<int> called{0};
    tandem::stop_callback callback(stop.get_token(), [&called] {
      called = 1;
      called.notify_all();
    });
    called.wait(0);
  });
  other.request_stop();
  CHECK(waiting.join().passed());
}

TEST_CASE("stop_callback: a child's copy of it does not run when the child requests the stop",
          "[sync][stop][processes]") {
  tandem::stop_source source;
  std::mutex held;  // as in the child's copy of it: for ever
  tandem::shared<std::atomic<int>> here(0), there(0);
  std::unique_lock hold(held);
  tandem::stop_callback outside(source.get_token(), [&, parent = ::getpid()] {
    std::scoped_lock const lock(held);
    ++*(::getpid() == parent ? here : there);
  });
  auto child = fork_with(source, [&there](tandem::stop_source const& stop) {
    tandem::stop_callback own(stop.get_token(), [&there] { *there += 10; });
    stop.request_stop();
  });
  CHECK(child.join().passed());
  hold.unlock();
  while (*here == 0) std::this_thread::yield();
  CHECK(*here == 1);
  CHECK(*there == 10);
}

TEST_CASE("stop_callback: the watching thread goes with the last callback", "[sync][stop][processes]") {
  tandem::stop_source source;
  auto child = fork_with(source, [](tandem::stop_source const& stop) { stop.get_token().wait(); });
  for (int i = 0; i < 20; ++i) tandem::stop_callback callback(source.get_token(), [] {});
  source.request_stop();
  CHECK(child.join().passed());  // and the leak gate finds no thread
}
