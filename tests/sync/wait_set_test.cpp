// SPDX-License-Identifier: BSL-1.0
#include "tandem/sync/wait_set.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/error_of.hpp"
#include "tandem/resource/event.hpp"
#include "tandem/resource/pipe.hpp"

using namespace tandem_test;
using namespace std::chrono_literals;
using tandem::deadline, tandem::event, tandem::wait_set;
using key = std::optional<std::size_t>;

static_assert(std::is_move_constructible_v<wait_set<>> && !std::is_copy_constructible_v<wait_set<>>);

TEST_CASE("wait_set: each is reported once, in the order in which they became ready", "[sync][wait_set]") {
  std::vector<event> events(4);
  wait_set set;
  CHECK(set.empty());
  for (std::size_t i = 0; i < events.size(); ++i) set.add(events[i], i);
  CHECK(set.size() == 4);
  CHECK(set.wait(0s) == std::nullopt);
  events[3].notify();
  events[1].notify();
  CHECK(set.wait() == 3);
  CHECK(set.wait() == 1);
  CHECK(set.size() == 2);
  CHECK(set.wait(0s) == std::nullopt);
  events[1].notify();
  CHECK(set.wait(0s) == std::nullopt);  // it has left
  events[0].notify();
  events[2].notify();
  CHECK(set.wait(1h) == key(0));
  CHECK(set.wait(deadline::never()) == key(2));
  CHECK(set.empty());
}

TEST_CASE("wait_set: what may become ready again is added again", "[sync][wait_set]") {
  event e;
  wait_set set;
  for (std::size_t i = 0; i < 10; ++i) {
    set.add(e, i);
    CHECK(set.wait(0s) == std::nullopt);
    e.notify();
    CHECK(set.wait() == i);
    CHECK(e.wait() == 1);
  }
  e.notify();
  set.add(e, 77);  // ready already
  CHECK(set.wait() == 77);
  set.add(e, 1);
  set.add(e, 2);  // known by another key
  CHECK(set.size() == 1);
  CHECK(set.wait() == 2);
  CHECK(set.empty());
}

TEST_CASE("wait_set: any number at once, none twice and none left out", "[sync][wait_set]") {
  constexpr std::size_t many = 200;
  std::vector<event> events(many);
  wait_set set;
  for (std::size_t i = 0; i < many; ++i) set.add(events[i], i);
  std::thread notifier([&] {
    for (auto const& one : events) one.notify();
  });
  std::set<std::size_t> met;
  while (!set.empty()) CHECK(met.insert(set.wait()).second);
  CHECK(met.size() == many);
  notifier.join();
}

TEST_CASE("wait_set: what was removed is not reported, told by the kernel already or not", "[sync][wait_set]") {
  std::vector<event> events(3);
  wait_set set;
  for (std::size_t i = 0; i < events.size(); ++i) set.add(events[i], i);
  for (auto const& one : events) one.notify();
  SECTION("before") {
    CHECK(set.remove(events[1]));
    CHECK(set.wait() == 0);
    CHECK(set.wait() == 2);
  }
  SECTION("after") {
    CHECK(set.wait() == 0);  // and the others were told with it
    CHECK(set.remove(events[1]));
    CHECK_FALSE(set.remove(events[1]));
    CHECK(set.size() == 1);
    CHECK(set.wait() == 2);
    CHECK_FALSE(set.remove(events[2]));
  }
  SECTION("and added again") {
    CHECK(set.wait() == 0);
    CHECK(set.remove(events[1]));
    set.add(events[1], 11);
    std::set<std::size_t> met{set.wait(), set.wait()};
    CHECK(met == std::set<std::size_t>{2, 11});
  }
  CHECK(set.empty());
  CHECK_FALSE(set.remove(event()));
  CHECK_FALSE(set.remove(std::optional<event>()));
}

TEST_CASE("wait_set: a number that comes back is another thing", "[sync][wait_set]") {
  wait_set set;
  std::optional<event> first(std::in_place);
  int const number = first->native_handle();
  set.add(*first, 1);
  // A forked child keeps the first one's file in the set, whatever becomes of its number here.
  event go;
  child_process heir([&] {
    go.wait();
    first->notify();
  });
  SECTION("removed in time") {
    CHECK(set.remove(*first));
    first.reset();
    event const second;
    REQUIRE(second.native_handle() == number);
    set.add(second, 2);
    go.notify();
    CHECK(heir.join().passed());
    CHECK(set.wait(0s) == std::nullopt);
    second.notify();
    CHECK(set.wait() == 2);
  }
  SECTION("closed without a word") {
    first.reset();
    event const second;
    REQUIRE(second.native_handle() == number);
    set.add(second, 2);
    CHECK(set.size() == 1);
    go.notify();
    CHECK(heir.join().passed());
    CHECK(set.wait(0s) == std::nullopt);  // the first one's event is not the second's
    second.notify();
    CHECK(set.wait() == 2);
  }
  SECTION("reported, then closed") {
    first->notify();
    CHECK(set.wait() == 1);
    first.reset();
    event const second;
    set.add(second, 2);
    go.notify();
    CHECK(heir.join().passed());
    CHECK(set.wait(0s) == std::nullopt);
    second.notify();
    CHECK(set.wait() == 2);
  }
}

TEST_CASE("wait_set: waits for handles that are moved meanwhile", "[sync][wait_set]") {
  wait_set set;
  std::vector<event> events;
  for (std::size_t i = 0; i < 50; ++i) {
    events.emplace_back();  // moves the others, now and then
    set.add(events.back(), i);
  }
  events[17].notify();
  wait_set moved = std::move(set);
  CHECK(set.empty());
  CHECK(moved.size() == 50);
  CHECK(moved.wait() == 17);
  wait_set another;
  event const other;
  another.add(other, 3);
  other.notify();
  swap(another, moved);
  CHECK(moved.wait() == 3);
  events[4].notify();
  moved = std::move(another);
  CHECK(moved.wait() == 4);
}

TEST_CASE("wait_set: keys of any type", "[sync][wait_set]") {
  event a, b;
  wait_set<std::string> named;
  named.add(a, "a");
  named.add(b, "b");
  b.notify();
  CHECK(named.wait() == "b");
  wait_set<event*> pointers;
  pointers.add(a, &a);
  a.notify();
  CHECK(pointers.wait()->wait() == 1);
  wait_set<std::unique_ptr<int>> owned;
  owned.add(b, std::make_unique<int>(5));
  CHECK(*owned.wait() == 5);
}

TEST_CASE("wait_set: not beyond its limit, and not less", "[sync][wait_set]") {
  event a;
  wait_set set;
  set.add(a, 0);
  auto const until = std::chrono::steady_clock::now() + 3ms;
  CHECK(set.wait(until) == std::nullopt);
  CHECK(std::chrono::steady_clock::now() >= until);
  CHECK(set.wait(deadline::after(1us)) == std::nullopt);
  CHECK(set.wait(-1h) == std::nullopt);
  a.notify();
  CHECK(set.wait(-1h) == key(0));
}

TEST_CASE("wait_set: a stop ends the wait, and loses nothing", "[sync][wait_set][stop]") {
  event a, b;
  wait_set set;
  set.add(a, 0);
  set.add(b, 1);
  tandem::stop_source source;
  SECTION("requested before, whatever is ready") {
    a.notify();
    source.request_stop();
    CHECK(set.wait(source.get_token()) == std::nullopt);
    CHECK(set.wait(source.get_token(), 1h) == std::nullopt);
    CHECK(set.wait() == 0);
  }
  SECTION("requested at any time, beside an event") {
    for (std::size_t i = 0; i < 300; ++i) {
      tandem::stop_source another;
      std::atomic<bool> waits{false};
      std::thread stopper([&] {
        while (!waits) {}
        another.request_stop();
        a.notify();
      });
      waits = true;
      auto const seen = set.wait(another.get_token());
      stopper.join();
      if (!seen) REQUIRE(set.wait() == 0);
      REQUIRE(a.wait() == 1);
      set.add(a, 0);
    }
  }
  SECTION("not requested") {
    CHECK(set.wait(source.get_token(), 1ms) == std::nullopt);
    CHECK(set.wait(source.get_token(), -1ms) == std::nullopt);
    std::thread notifier([&] { b.notify(); });
    CHECK(set.wait(source.get_token()) == key(1));
    notifier.join();
    a.notify();
    CHECK(set.wait(tandem::stop_token(), 1h) == key(0));
  }
}

TEST_CASE("wait_set: what cannot be waited for is refused", "[sync][wait_set]") {
  wait_set set;
  CHECK_THROWS_AS(set.wait(), std::invalid_argument);
  CHECK_THROWS_AS(set.wait(1h), std::invalid_argument);
  CHECK_THROWS_AS(set.add(std::optional<event>(), 1), std::invalid_argument);
  CHECK_THROWS_AS(set.add(tandem::fd(), 1), std::invalid_argument);
  CHECK(error_of([&] { set.add(tandem::fd::open("/proc/self/exe", O_RDONLY), 1); }) == EPERM);
  struct closed {
    int wait_handle() const { return 19'999; }
  };
  CHECK(error_of([&] { set.add(closed(), 1); }) == EBADF);
  CHECK(set.empty());
  event a;
  set.add(a, 1);
  wait_set const moved = std::move(set);
  CHECK_THROWS_AS(set.wait(), std::invalid_argument);
  CHECK_THROWS_AS(set.add(a, 1), std::invalid_argument);
  CHECK_THROWS_AS(set.remove(a), std::invalid_argument);
}

TEST_CASE("wait_set: in a forked child it is its parent's", "[sync][wait_set]") {
  event a;
  wait_set set;
  set.add(a, 1);
  child_process child([&] {
    CHECK(error_of([&] { set.wait(); }) == EPERM);
    CHECK(error_of([&] { set.add(a, 2); }) == EPERM);
    CHECK(error_of([&] { set.remove(a); }) == EPERM);
    wait_set own;
    own.add(a, 3);
    a.notify();
    CHECK(own.wait() == 3);
  });
  CHECK(set.wait() == 1);
  CHECK(child.join().passed());
}

TEST_CASE("wait_set: none where no descriptor is left", "[sync][wait_set]") {
  child_process limited([] {
    rlimit const none{3, 3};
    CHECK(::setrlimit(RLIMIT_NOFILE, &none) == 0);
    CHECK(error_of([] { wait_set<> const set; }) == EMFILE);
  });
  CHECK(limited.join().passed());
}
