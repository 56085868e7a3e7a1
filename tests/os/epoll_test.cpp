// SPDX-License-Identifier: BSL-1.0
#include "tandem/os/epoll.hpp"

#include <array>
#include <cstdint>
#include <thread>
#include <vector>

#include "os/probes.hpp"
#include "support/catch.hpp"
#include "support/syscall_fault.hpp"
#include "tandem/os/descriptor.hpp"
#include "tandem/os/eventfd.hpp"

namespace os = tandem::os;
using namespace tandem_test;

namespace {

struct some_events {
  int set = os::open_epoll();
  std::array<int, 3> events{os::open_eventfd(), os::open_eventfd(), os::open_eventfd()};
  some_events() {
    REQUIRE(set >= 0);
    for (std::size_t i = 0; i < events.size(); ++i) REQUIRE(os::watch_once(set, events[i], i) == 0);
  }
  some_events(some_events const&) = delete;
  ~some_events() {
    for (int const one : events) os::close(one);
    os::close(set);
  }
  /// What the set tells at once.
  std::vector<std::uint64_t> told() {
    std::array<epoll_event, 4> room{};
    int const count = os::wait_watched(set, room.data(), 4, 0);
    std::vector<std::uint64_t> all;
    for (int i = 0; i < count; ++i) all.push_back(room[static_cast<std::size_t>(i)].data.u64);
    return all;
  }
};
using list = std::vector<std::uint64_t>;

void ends_in_time() {
  some_events some;
  epoll_event one{};
  for (std::int64_t const ns : {1, 999'999, 3'000'000}) {
    auto const until = os::monotonic_ns() + ns;
    CHECK(os::wait_watched(some.set, &one, 1, until) == 0);
    CHECK(os::monotonic_ns() >= until);
  }
  std::thread notifier{[&] { os::eventfd_add(some.events[1], 1); }};
  CHECK(os::wait_watched(some.set, &one, 1, os::monotonic_ns() + 60'000'000'000) == 1);
  CHECK(one.data.u64 == 1);
  notifier.join();
}

}  // namespace

TEST_CASE("epoll: each is told once, until it is watched again", "[os][epoll]") {
  some_events some;
  CHECK(close_on_exec(some.set));
  CHECK(some.told() == list{});
  os::eventfd_add(some.events[2], 1);
  os::eventfd_add(some.events[0], 1);
  CHECK(some.told() == list{2, 0});
  CHECK(some.told() == list{});
  os::eventfd_add(some.events[2], 1);
  CHECK(some.told() == list{});
  CHECK(os::watch_again(some.set, some.events[2], 7) == 0);
  CHECK(some.told() == list{7});
}

TEST_CASE("epoll: what is no longer watched is not told", "[os][epoll]") {
  some_events some;
  os::eventfd_add(some.events[1], 1);
  CHECK(os::stop_watching(some.set, some.events[1]) == 0);
  CHECK(some.told() == list{});
  CHECK((os::stop_watching(some.set, some.events[1]) == -1 && errno == ENOENT));
  CHECK((os::watch_again(some.set, some.events[1], 1) == -1 && errno == ENOENT));
}

TEST_CASE("epoll: what cannot be watched is refused", "[os][epoll]") {
  some_events some;
  CHECK((os::watch_once(some.set, some.events[0], 0) == -1 && errno == EEXIST));
  CHECK((os::watch_once(some.set, -1, 0) == -1 && errno == EBADF));
  int const file = os::open("/proc/self/exe", O_RDONLY);
  CHECK((os::watch_once(some.set, file, 0) == -1 && errno == EPERM));
  os::close(file);
}

TEST_CASE("epoll: at the deadline it returns 0, not before", "[os][epoll]") {
  SECTION("with epoll_pwait2") { ends_in_time(); }
  SECTION("on a kernel without") { CHECK(run_with_fault({{441, ENOSYS}}, ends_in_time).passed()); }
  SECTION("in a container that does not know it") { CHECK(run_with_fault({{441, EPERM}}, ends_in_time).passed()); }
}

TEST_CASE("epoll: signals neither end the wait nor prolong it", "[os][epoll]") {
  some_events some;
  shared_object<interruptions> counted;
  SECTION("without a deadline") {
    child_process child{[&] {
      count_signals(*counted);
      epoll_event one{};
      CHECK(os::wait_watched(some.set, &one, 1) == 1);
    }};
    interrupt(child, *counted);
    CHECK(os::eventfd_add(some.events[0], 1) == 0);
    CHECK(child.join().passed());
  }
  SECTION("up to a deadline") {
    child_process child{[&] {
      count_signals(*counted);
      epoll_event one{};
      auto const until = os::monotonic_ns() + 1'000'000'000;
      CHECK(os::wait_watched(some.set, &one, 1, until) == 0);
      CHECK(os::monotonic_ns() >= until);
    }};
    interrupt(child, *counted, 5);
    CHECK(child.join().passed());
  }
}
