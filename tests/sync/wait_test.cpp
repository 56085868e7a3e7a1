// SPDX-License-Identifier: BSL-1.0
#include "tandem/sync/wait.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <stdexcept>
#include <thread>
#include <vector>

#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/error_of.hpp"
#include "tandem/os/clock.hpp"
#include "tandem/resource/event.hpp"
#include "tandem/resource/pipe.hpp"

using namespace tandem_test;
using namespace std::chrono_literals;
using tandem::deadline, tandem::event, tandem::wait_all, tandem::wait_any;
using index_of = std::optional<std::size_t>;

namespace {

std::string words_of(auto action) {
  try {
    action();
  } catch (std::invalid_argument const& error) { return error.what(); }
  return "nothing thrown";
}

}  // namespace

TEST_CASE("wait_any: the index of the one that is ready; it stays ready", "[sync][wait]") {
  event a, b, c;
  b.notify();
  CHECK(wait_any(a, b, c) == 1);
  CHECK(wait_any(c, a, b) == 2);
  CHECK(b.try_wait() == std::optional<std::uint64_t>(1));
  CHECK(wait_any(0s, a, b, c) == std::nullopt);
}

TEST_CASE("wait_any: takes any range, and what points to waitables", "[sync][wait]") {
  std::vector<event> vector(3);
  vector[2].notify();
  CHECK(wait_any(vector) == 2);
  CHECK(wait_any(std::as_const(vector)) == 2);
  CHECK(wait_any(1s, std::span(vector).subspan(1)) == index_of(1));

  std::list<std::unique_ptr<event>> pointers;
  for (int i = 0; i < 4; ++i) pointers.push_back(std::make_unique<event>());
  pointers.back()->notify();
  CHECK(wait_any(pointers) == 3);
  CHECK(wait_any(std::vector<std::reference_wrapper<event>>{vector[0], vector[2], vector[1]}) == 1);
  std::array const held{std::optional(event()), std::optional(event())};
  held[0]->notify();
  CHECK(wait_any(held) == 0);
}

TEST_CASE("wait_any: what ends while it is waited for ends the wait", "[sync][wait]") {
  event a, b;
  tandem::pipe p;
  SECTION("a thread's notification") {
    std::thread notifier([&] { b.notify(); });
    CHECK(wait_any(a, b, p.read_end) == 1);
    notifier.join();
  }
  SECTION("another process's") {
    child_process notifier([&] { b.notify(); });
    CHECK(wait_any(1h, a, b, p.read_end) == index_of(1));
    CHECK(notifier.join().passed());
  }
  SECTION("the end of a stream") {
    child_process holder([&] {});
    p.write_end.reset();
    CHECK(wait_any(a, b, p.read_end) == 2);
    CHECK(holder.join().passed());
  }
}

TEST_CASE("wait_any: each of those that are ready gets its turn", "[sync][wait]") {
  std::vector<event> events(5);
  for (std::size_t const i : {0U, 1U, 2U, 4U}) events[i].notify();
  event first, second;
  first.notify();
  second.notify();
  std::set<std::size_t> met;
  std::set<std::size_t> met_between;
  for (int i = 0; i < 2000; ++i) {  // that one of four is never met: less than 10^-200
    met.insert(wait_any(events));
    met_between.insert(wait_any(first, second));  // beside another wait, in step with it
  }
  CHECK(met == std::set<std::size_t>{0, 1, 2, 4});
  CHECK(met_between == std::set<std::size_t>{0, 1});
}

TEST_CASE("wait_any: not beyond its limit, and not less", "[sync][wait]") {
  event a, b;
  auto const until = std::chrono::steady_clock::now() + 3ms;
  CHECK(wait_any(until, a, b) == std::nullopt);
  CHECK(std::chrono::steady_clock::now() >= until);
  CHECK(wait_any(deadline::after(1ms), a, b) == std::nullopt);
  CHECK(wait_any(-1h, a, b) == std::nullopt);
  CHECK(wait_any(std::chrono::system_clock::now(), a, b) == std::nullopt);
  a.notify();
  CHECK(wait_any(-1h, a, b) == index_of(0));
  CHECK(wait_any(deadline::never(), a, b) == index_of(0));
}

TEST_CASE("wait_any, wait_all: a stop ends the wait", "[sync][wait][stop]") {
  event a, b;
  tandem::stop_source source;
  SECTION("requested before, whatever is ready") {
    a.notify();
    source.request_stop();
    CHECK(wait_any(source.get_token(), a, b) == std::nullopt);
    CHECK(wait_any(source.get_token(), 1h, a, b) == std::nullopt);
    CHECK_FALSE(wait_all(source.get_token(), a));
  }
  SECTION("requested at any time") {
    for (int i = 0; i < 300; ++i) {
      tandem::stop_source another;
      std::atomic<bool> waits{false};
      std::thread stopper([&] {
        while (!waits) {}
        another.request_stop();
      });
      waits = true;
      if (i % 2 == 0) {
        REQUIRE(wait_any(another.get_token(), a, b) == std::nullopt);
      } else {
        REQUIRE_FALSE(wait_all(another.get_token(), 1h, a, b));
      }
      stopper.join();
    }
  }
  SECTION("requested by another process") {
    tandem::impl::token const member = tandem::impl::members::claim();
    std::optional<tandem::stop_source> copy;
    {
      tandem::impl::travel_scope const on_the_way(member);
      copy.emplace(source);
    }
    child_process stopper([&] {
      tandem::impl::members::become(member);
      copy->request_stop();
    });
    CHECK(wait_any(source.get_token(), a, b) == std::nullopt);
    CHECK(stopper.join().passed());
    copy.reset();
    tandem::impl::members::release(member);
  }
  SECTION("not requested") {
    CHECK(wait_any(source.get_token(), 1ms, a, b) == std::nullopt);
    CHECK(wait_any(source.get_token(), -1ms, a, b) == std::nullopt);
    CHECK_FALSE(wait_all(source.get_token(), 1ms, a, b));
    std::thread notifier([&] {
      a.notify();
      b.notify();
    });
    CHECK(wait_any(source.get_token(), a, b).has_value());
    CHECK(wait_all(source.get_token(), a, b));
    notifier.join();
    CHECK(wait_any(tandem::stop_token(), a, b).has_value());
    CHECK(wait_all(tandem::stop_token(), 1h, a, b));
  }
}

TEST_CASE("wait_all: until each has been ready", "[sync][wait]") {
  event a, b;
  std::vector<event> many(20);
  CHECK_FALSE(wait_all(0s, a, b));
  a.notify();
  CHECK_FALSE(wait_all(1ms, a, b));
  std::thread notifier([&] {
    b.notify();
    for (auto const& one : many) one.notify();
  });
  wait_all(a, b);
  wait_all(many);
  CHECK(wait_all(0s, a, b));
  CHECK(wait_all(deadline::never(), std::span(many)));
  notifier.join();
}

TEST_CASE("wait_all: of nothing there is nothing to wait for", "[sync][wait]") {
  std::vector<event> const none;
  wait_all(none);
  CHECK(wait_all(1h, none));
}

TEST_CASE("wait_any, wait_all: what owns nothing is named by its index", "[sync][wait]") {
  event a;
  std::optional<event> empty;
  CHECK_THAT(words_of([&] { wait_any(a, a, empty); }), StartsWith("tandem: wait: argument 2 owns nothing"));
  CHECK_THAT(words_of([&] { wait_any(1s, std::vector<event*>{&a, nullptr}); }), ContainsSubstring("argument 1 owns"));
  event const moved = std::move(a);
  CHECK_THAT(words_of([&] { wait_any(a, moved); }), ContainsSubstring("argument 0 owns"));
  moved.notify();
  CHECK_THAT(words_of([&] { wait_all(moved, moved, empty); }), ContainsSubstring("argument 2 owns"));
  CHECK_THAT(words_of([&] { wait_any(std::vector<event>()); }), ContainsSubstring("nothing to wait for"));
}

TEST_CASE("wait_any, wait_all: a descriptor that is not open is an error, not a wait without end", "[sync][wait]") {
  struct closed {
    int wait_handle() const { return 1 << 20; }
  } const none;
  event a;
  CHECK(error_of([&] { wait_any(a, none); }) == EBADF);
  CHECK(error_of([&] { wait_all(1h, none); }) == EBADF);
  try {
    wait_any(a, a, none);
  } catch (std::system_error const& error) { CHECK_THAT(error.what(), ContainsSubstring("argument 2")); }
}

TEST_CASE("wait_any: more than a process may have open", "[sync][wait]") {
  child_process limited([] {
    rlimit const sixteen{16, 16};
    CHECK(::setrlimit(RLIMIT_NOFILE, &sixteen) == 0);
    struct known {
      int wait_handle() { return -1; }
      bool known_ready() const { return ready; }
      bool ready;
    };
    event const a;
    std::vector<event const*> same(40, &a);
    CHECK(error_of([&] { wait_any(same); }) == EINVAL);
    std::vector<known> ready(40, known{true});
    CHECK(wait_any(ready) < 40);  // none of them needs a descriptor
    tandem::stop_source source;
    std::vector<event> all;
    while (true) {
      try {
        all.emplace_back();
      } catch (std::system_error const&) { break; }
    }
    CHECK(error_of([&] { wait_any(source.get_token(), a); }) == EMFILE);
  });
  CHECK(limited.join().passed());
}
