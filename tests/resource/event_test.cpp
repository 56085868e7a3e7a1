// SPDX-License-Identifier: BSL-1.0
#include "tandem/resource/event.hpp"

#include <chrono>
#include <optional>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <type_traits>
#include <vector>

#include "os/probes.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/error_of.hpp"
#include "tandem/core/byte_sink.hpp"
#include "tandem/core/transferable.hpp"

using namespace tandem_test;
using namespace std::chrono_literals;
using tandem::event;
using count = std::optional<std::uint64_t>;

static_assert(std::is_nothrow_move_constructible_v<event> && !std::is_copy_constructible_v<event>);
static_assert(tandem::transferable<event> && tandem::may_carry_descriptors<event>);

TEST_CASE("event: notifications are counted until they are taken, all at once", "[resource][event]") {
  event e;
  CHECK(close_on_exec(e.native_handle()));
  CHECK(e.try_wait() == std::nullopt);
  e.notify();
  e.notify(4);
  e.notify(0);
  CHECK(e.wait() == 5);
  CHECK(e.try_wait() == std::nullopt);
  e.notify();
  CHECK(e.try_wait() == count{1});
}

TEST_CASE("event: a wait ends when another thread notifies, or another process", "[resource][event]") {
  event e;
  SECTION("thread") {
    std::thread notifier{[&] { e.notify(3); }};
    CHECK(e.wait() == 3);
    notifier.join();
  }
  SECTION("process") {
    child_process child{[&] { e.notify(3); }};
    CHECK(e.wait() == 3);
    CHECK(child.join().passed());
  }
  SECTION("a process that dies right after") {
    child_process child{[&] {
      e.notify(3);
      ::kill(::getpid(), SIGKILL);
    }};
    CHECK(child.join().signal == SIGKILL);
    CHECK(e.wait() == 3);
  }
}

TEST_CASE("event: of several that wait each notification is taken once", "[resource][event]") {
  event e;
  event done;
  std::vector<child_process> waiters;
  for (int i = 0; i < 3; ++i) waiters.emplace_back([&] { done.notify(e.wait()); });
  std::uint64_t taken = 0;
  for (int i = 0; i < 3; ++i) {
    e.notify();
    taken += done.wait();
  }
  CHECK(taken == 3);
  for (auto& waiter : waiters) CHECK(waiter.join().passed());
}

TEST_CASE("event: timed waits give up at their time, not earlier, and take what is there in spite of it",
          "[resource][event]") {
  event e;
  CHECK(e.wait_for(-1h) == std::nullopt);
  CHECK(e.wait_for(0s) == std::nullopt);
  CHECK(e.wait_until(std::chrono::steady_clock::time_point::min()) == std::nullopt);
  auto const until = std::chrono::steady_clock::now() + 2ms;
  CHECK(e.wait_until(until) == std::nullopt);
  CHECK(std::chrono::steady_clock::now() >= until);
  e.notify();
  CHECK(e.wait_for(-1h) == count{1});
  e.notify();
  CHECK(e.wait_until(std::chrono::system_clock::now() - 1h) == count{1});
  e.notify();
  CHECK(e.wait_for(std::chrono::hours::max()) == count{1});
}

TEST_CASE("event: what does not fit the counter is refused, and changes nothing", "[resource][event]") {
  event e;
  CHECK_THROWS_AS(e.notify(UINT64_MAX), std::invalid_argument);
  e.notify(UINT64_MAX - 1);
  CHECK(error_of([&] { e.notify(); }) == EAGAIN);
  CHECK(e.wait() == UINT64_MAX - 1);
}

TEST_CASE("event: a duplicate counts on the same counter", "[resource][event]") {
  event e;
  event const same = e.dup();
  same.notify();
  CHECK(e.try_wait() == count{1});
  CHECK(same.try_wait() == std::nullopt);
}

TEST_CASE("event: one that was moved from is EBADF, not a wait without end", "[resource][event]") {
  event e;
  event const other = std::move(e);
  CHECK(error_of([&] { e.wait(); }) == EBADF);
  CHECK(error_of([&] { e.try_wait(); }) == EBADF);
  CHECK(error_of([&] { e.wait_for(1h); }) == EBADF);
  CHECK(error_of([&] { e.notify(); }) == EBADF);
  CHECK(error_of([&] { e.dup(); }) == EBADF);
  CHECK(e.native_handle() == -1);
}

TEST_CASE("event: no room for one is EMFILE", "[resource][event]") {
  CHECK(run_in_child([] {
          event e;
          descriptor_limit const few{0};
          CHECK(error_of([] { event another; }) == EMFILE);
          CHECK(error_of([&] { e.dup(); }) == EMFILE);
        }).passed());
}

TEST_CASE("event: poll sees it, for as long as it is notified", "[resource][event]") {
  event e;
  pollfd one{e.native_handle(), POLLIN, 0};
  CHECK(::poll(&one, 1, 0) == 0);
  e.notify();
  CHECK(::poll(&one, 1, 0) == 1);
  e.wait();
  CHECK(::poll(&one, 1, 0) == 0);
}

TEST_CASE("event: it survives the codec as a handle to the same counter", "[resource][event][codec]") {
  event e;
  tandem::byte_buffer buffer;
  tandem::writer to{buffer};
  tandem::encode(to, e);
  std::vector<int> descriptors;
  for (int const one : to.descriptors()) descriptors.push_back(::dup(one));
  auto const received = tandem::decode<event>(to.bytes(), descriptors);
  received.notify(2);
  CHECK(e.try_wait() == count{2});
}
