// SPDX-License-Identifier: BSL-1.0
// wait_any, wait_all and wait_set over threads, processes and units.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "execution/kinds.hpp"
#include "support/build_kind.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/error_of.hpp"
#include "tandem/tandem.hpp"

using namespace std::chrono_literals;
using namespace tandem_test;
using tandem::wait_all, tandem::wait_any, tandem::wait_set, tandem::waitable;

static_assert(waitable<tandem::thread<int>&> && waitable<tandem::process<>&> && waitable<tandem::unit<>&>);
static_assert(waitable<std::unique_ptr<tandem::thread<>>> && waitable<std::optional<tandem::unit<int>>&>);

namespace {

void until_stopped(tandem::stop_token stop) { stop.wait(); }

bool readable(int descriptor) {
  pollfd one{descriptor, POLLIN, 0};
  return ::poll(&one, 1, 0) == 1 && (one.revents & POLLIN) != 0;
}

}  // namespace

TEMPLATE_TEST_CASE("wait_any: the index of the unit that has ended", "[execution][wait]", threads_only,
                   processes_only) {
  auto first = TestType::start(until_stopped);
  auto second = TestType::start(until_stopped);
  auto third = TestType::start([] { return 3; });
  CHECK(wait_any(first, second, third) == 2);
  CHECK(wait_any(1h, first, second, third) == std::optional<std::size_t>(2));  // until it is joined
  CHECK(third.try_join()->value() == 3);
  CHECK(wait_any(1ms, first, second) == std::nullopt);
  first.request_stop();
  CHECK(wait_any(first, second) == 0);
  CHECK_FALSE(wait_all(1ms, first, second));
  second.request_stop();
  wait_all(first, second);
  CHECK(wait_all(0s, second, first));
}

TEMPLATE_TEST_CASE("wait_any: a unit whose outcome is known is ready at once", "[execution][wait]", threads_only,
                   processes_only) {
  auto one = TestType::start([]() -> int { throw std::runtime_error("fails"); });
  auto another = TestType::start(until_stopped);
  wait_all(one);
  CHECK(one.get_outcome().error().what() == "fails");
  CHECK(wait_any(0s, another, one) == std::optional<std::size_t>(1));
  CHECK(wait_any(tandem::stop_source().get_token(), another, one) == std::optional<std::size_t>(1));
  CHECK(readable(one.wait_handle()));
  CHECK_FALSE(readable(another.wait_handle()));
}

TEST_CASE("wait_any: threads, processes, units and events mixed", "[execution][wait]") {
  tandem::event event;
  tandem::thread thread(until_stopped);
  tandem::process process(until_stopped);
  tandem::unit as_thread(tandem::mode::thread, until_stopped);
  tandem::unit as_process(tandem::mode::process, until_stopped);
  auto const next = [&](auto... limits) {
    return wait_any(limits..., event, thread, process, as_thread, as_process, std::make_unique<tandem::event>());
  };
  CHECK(next(1ms) == std::nullopt);
  as_process.request_stop();
  CHECK(next() == 4);
  CHECK(as_process.join().has_value());
  as_process = tandem::unit(tandem::mode::process, until_stopped);
  as_thread.request_stop();
  CHECK(next() == 3);
  as_thread = tandem::unit(tandem::mode::thread, until_stopped);
  process.request_stop();
  CHECK(next() == 2);
  process = tandem::process(until_stopped);
  thread.request_stop();
  CHECK(next() == 1);
  thread = tandem::thread(until_stopped);
  event.notify();
  CHECK(next() == 0);
  for (auto* one : {&as_thread, &as_process}) one->request_stop();
  CHECK(wait_all(1h, as_thread, as_process, event));
}

TEST_CASE("wait_any: a killed process is ready", "[execution][wait]") {
  tandem::process victim(until_stopped);
  tandem::process other(until_stopped);
  SECTION("killed before") {
    ::kill(victim.pid(), SIGKILL);
    CHECK(wait_any(other, victim) == 1);
  }
  SECTION("killed while it is waited for") {
    tandem::thread killer([pid = victim.pid()] { ::kill(pid, SIGKILL); });
    CHECK(wait_any(other, victim) == 1);
  }
  SECTION("and reaped already") {
    victim.kill(SIGKILL);
    victim.terminate(1h);
    CHECK(wait_any(other, victim) == 1);
    wait_set<int> set;
    set.add(victim, 5);
    CHECK(set.wait() == 5);
  }
  CHECK(victim.join().error().signal() == SIGKILL);
}

TEST_CASE("wait: a process that somebody else has reaped is ready", "[execution][wait]") {
  tandem::process gone([] {});
  SECTION("by the host") {
    while (::waitpid(gone.pid(), nullptr, __WALL) < 0 && errno == EINTR) {}
  }
  SECTION("by its own handle, before it had a descriptor") {
    siginfo_t info{};
    ::waitid(P_PID, static_cast<id_t>(gone.pid()), &info, WEXITED | WNOWAIT | __WALL);
    gone.terminate(0s);
  }
  CHECK(wait_any(gone) == 0);
  CHECK(readable(gone.wait_handle()));
  wait_all(gone);
  CHECK(gone.join().has_value());
}

TEMPLATE_TEST_CASE("wait_any, wait_all: a handle that owns no unit is named by its index", "[execution][wait]",
                   threads_only, processes_only) {
  std::vector<typename TestType::template unit<int>> units;
  for (int i = 0; i < 3; ++i) units.push_back(TestType::start([i] { return i; }));
  CHECK(units[1].join().value() == 1);
  CHECK(units[1].wait_handle() == -1);
  auto const words_of = [](auto action) -> std::string {
    try {
      action();
    } catch (std::invalid_argument const& error) { return error.what(); }
    return "nothing thrown";
  };
  CHECK_THAT(words_of([&] { wait_any(units); }), StartsWith("tandem: wait: argument 1 owns nothing to wait for"));
  CHECK_THAT(words_of([&] { wait_all(units); }), ContainsSubstring("argument 1"));
  CHECK_THAT(words_of([&] { wait_all(1h, units[0], tandem::unit<int>()); }), ContainsSubstring("argument 1"));
  CHECK_THAT(words_of([&] {
               wait_set set;
               set.add(units[1], 1);
             }),
             StartsWith("tandem: wait_set::add: it owns nothing"));
}

TEST_CASE("wait_all: a thread is waited for without a descriptor of its own", "[execution][wait]") {
  child_process limited([] {
    std::vector<tandem::thread<>> threads;
    for (int i = 0; i < 10; ++i) threads.emplace_back(until_stopped);
    rlimit before{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    rlimit const none{3, before.rlim_max};
    CHECK(::setrlimit(RLIMIT_NOFILE, &none) == 0);
    CHECK(error_of([&] { wait_any(threads); }) == EMFILE);
    CHECK_FALSE(wait_all(1ms, threads));
    for (auto& one : threads) one.request_stop();
    wait_all(threads);
    CHECK(wait_any(threads) < 10);
    ::setrlimit(RLIMIT_NOFILE, &before);  // a sanitizer opens files at the end
  });
  CHECK(limited.join().passed());
}

TEST_CASE("wait: a thread does not wait for itself", "[execution][wait]") {
  std::optional<tandem::thread<>> self;
  tandem::event ready;
  tandem::thread<int> result([&] { return 0; });
  self.emplace([&] {
    ready.wait();
    bool const each = error_of([&] { wait_any(*self); }) == EDEADLK && error_of([&] { wait_all(self); }) == EDEADLK &&
                      error_of([&] { self->wait_handle(); }) == EDEADLK;
    if (!each) throw std::logic_error("it did");
  });
  ready.notify();
  CHECK(self->join().has_value());
}

TEST_CASE("wait: a forked child of the host's own does not wait for its parent's processes", "[execution][wait]") {
  tandem::process parents(until_stopped);
  child_process child([&] {
    CHECK(error_of([&] { wait_any(parents); }) == EPERM);
    CHECK(error_of([&] { parents.wait_handle(); }) == EPERM);
  });
  CHECK(child.join().passed());
}

TEMPLATE_TEST_CASE("wait_any: a stop ends the wait, and leaves the units alone", "[execution][wait][stop]",
                   threads_only, processes_only) {
  auto one = TestType::start(until_stopped);
  auto another = TestType::start(until_stopped);
  for (int i = 0; i < 20; ++i) {
    tandem::stop_source source;
    tandem::thread stopper([&] { source.request_stop(); });
    if (i % 2 == 0) {
      CHECK(wait_any(source.get_token(), one, another) == std::nullopt);
    } else {
      CHECK_FALSE(wait_all(source.get_token(), 1h, one, another));
    }
  }
  CHECK(one.try_join() == std::nullopt);
}

TEMPLATE_TEST_CASE("wait_any: a unit that waits for others is stopped by its own token", "[execution][wait][stop]",
                   threads_only, processes_only) {
  tandem::event begun;
  auto waiter = TestType::start([&begun](tandem::stop_token stop) {
    tandem::thread inner(until_stopped);
    begun.notify();
    return wait_any(stop, inner, tandem::event()).has_value();
  });
  begun.wait();
  waiter.request_stop();
  CHECK(waiter.join().value() == false);
}

TEMPLATE_TEST_CASE("wait_handle: an epoll loop by hand", "[execution][wait]", threads_only, processes_only) {
  std::vector<typename TestType::template unit<int>> units;
  for (int i = 0; i < 8; ++i) units.push_back(TestType::start([i] { return i; }));
  tandem::fd set(::epoll_create1(EPOLL_CLOEXEC));
  for (std::size_t i = 0; i < units.size(); ++i) {
    epoll_event what{EPOLLIN, {.u64 = i}};
    REQUIRE(::epoll_ctl(set.get(), EPOLL_CTL_ADD, units[i].wait_handle(), &what) == 0);
    CHECK(units[i].wait_handle() == units[i].wait_handle());
    if constexpr (std::is_same_v<TestType, processes_only>) CHECK(units[i].wait_handle() == units[i].native_handle());
  }
  int sum = 0;
  for (std::size_t left = units.size(); left > 0; --left) {
    epoll_event seen{};
    REQUIRE(::epoll_wait(set.get(), &seen, 1, -1) == 1);
    // A process started later holds the descriptor too, so that the close at the join does not take it out of the set.
    REQUIRE(::epoll_ctl(set.get(), EPOLL_CTL_DEL, units[seen.data.u64].wait_handle(), nullptr) == 0);
    auto ended = units[seen.data.u64].try_join();
    REQUIRE(ended.has_value());
    sum += ended->value();
  }
  CHECK(sum == 28);
}

TEMPLATE_TEST_CASE("wait_handle: asked for at any moment of a thread's life", "[execution][wait]", threads_only) {
  for (int i = 0; i < 2000; ++i) {
    auto one = TestType::start([] {});
    for (int spin = 0; spin < i * 20; ++spin) asm volatile("");
    REQUIRE(wait_any(one, one) < 2);
    REQUIRE(one.try_join().has_value());
  }
  auto watched = TestType::start(until_stopped);
  int const handle = watched.wait_handle();
  CHECK(watched.join_for(1ms) == std::nullopt);  // asleep on the word beside the descriptor
  CHECK_FALSE(readable(handle));
  auto joined = TestType::start(until_stopped);
  CHECK(joined.join_for(0s) == std::nullopt);
  tandem::thread stopper([&] { joined.request_stop(); });
  CHECK(joined.wait_handle() >= 0);
  CHECK(joined.get_outcome().has_value());
}

TEST_CASE("wait_handle: a thread that was let go closes its descriptor, one that was never asked has none",
          "[execution][wait]") {
  tandem::event go;
  tandem::thread one([&go] { go.wait(); });
  int const handle = one.wait_handle();
  CHECK(handle >= 0);
  one.detach();
  go.notify();
  while (::fcntl(handle, F_GETFD) >= 0) tandem::this_unit::yield();

  tandem::thread quiet(until_stopped);
  int const next = ::dup(0);
  CHECK(next == handle);
  ::close(next);
  quiet.request_stop();
  wait_all(quiet);
}

TEMPLATE_TEST_CASE("wait_set: units leave as they end, however many", "[execution][wait][wait_set]", threads_only,
                   processes_only) {
  std::size_t const many = brief() || sanitized ? 100 : 1000;
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  rlimit const most{before.rlim_max, before.rlim_max};
  ::setrlimit(RLIMIT_NOFILE, &most);
  {
    std::vector<typename TestType::template unit<std::size_t>> units;
    wait_set set;
    for (std::size_t i = 0; i < many; ++i) {
      units.push_back(TestType::start([i](tandem::stop_token stop) {
        if (i % 2 == 0) stop.wait();
        return i;
      }));
      set.add(units.back(), i);
    }
    std::set<std::size_t> met;
    for (std::size_t i = 0; i < many / 2; ++i) {
      std::size_t const at = set.wait();
      CHECK(units[at].join().value() == at);
      met.insert(at);
    }
    CHECK(met.size() == many / 2);
    CHECK(set.wait(1ms) == std::nullopt);
    CHECK(set.size() == many / 2);
    for (auto& one : units) one.request_stop();
    while (auto const at = set.empty() ? std::nullopt : set.wait(1h)) {
      CHECK(units[*at].try_join()->value() == *at);
      met.insert(*at);
    }
    CHECK(met.size() == many);
  }
  ::setrlimit(RLIMIT_NOFILE, &before);
}

TEST_CASE("wait_set: a unit that starts others while it waits", "[execution][wait][wait_set]") {
  // Forked children hold the descriptors of those before them: what was joined must not be met again through them.
  std::vector<std::unique_ptr<tandem::unit<std::size_t>>> units;
  wait_set set;
  auto const start = [&](std::size_t i) {
    units.push_back(std::make_unique<tandem::unit<std::size_t>>(
        i % 3 == 0 ? tandem::mode::thread : tandem::mode::process, [i] { return i; }));
    set.add(units.back(), i);
  };
  for (std::size_t i = 0; i < 10; ++i) start(i);
  std::size_t joined = 0;
  while (!set.empty()) {
    auto& ended = *units[set.wait()];
    REQUIRE(ended.joinable());
    CHECK(ended.join().has_value());
    ++joined;
    if (units.size() < 100) start(units.size());
  }
  CHECK(joined == 100);
}
