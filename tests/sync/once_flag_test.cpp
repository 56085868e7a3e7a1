// SPDX-License-Identifier: BSL-1.0
#include "tandem/sync/once_flag.hpp"

#include <unistd.h>

#include <atomic>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "support/catch.hpp"
#include "support/probes.hpp"
#include "sync/deaths.hpp"

using tandem_test::child_process, tandem_test::in_each_home, tandem_test::place, tandem_test::processes,
    tandem_test::survives_kills, tandem_test::threads, tandem_test::verdict;

namespace {

constinit tandem::once_flag once_flag_made_at_compile_time;

struct room {
  tandem::once_flag flag;
  std::atomic<int> calls{0}, returned{0};
};

}  // namespace

template <> inline constexpr bool tandem::enable_shareable<room> = true;

TEMPLATE_TEST_CASE("once: called once, seen by all; an exception does not count", "[sync][once]", std::once_flag,
                   tandem::once_flag) {
  TestType flag;
  int calls = 0;
  CHECK_THROWS_AS(call_once(flag,
                            [&] {
                              ++calls;
                              throw std::runtime_error("not yet");
                            }),
                  std::runtime_error);
  std::atomic<int> wrong{0};
  threads::spawn_and_join(4, [&] {
    call_once(
        flag, [&](int by) { calls += by; }, 10);
    if (calls != 11) ++wrong;
  });
  CHECK(calls == 11);
  CHECK(wrong == 0);
  struct counter {
    int count = 0;
    void add(int by) { count += by; }
  } one;
  TestType other;
  call_once(other, &counter::add, one, 2);  // as std::invoke
  call_once(other, &counter::add, &one, 2);
  CHECK(one.count == 2);
}

TEST_CASE("once: its size, at compile time too", "[sync][once]") {
  STATIC_REQUIRE(sizeof(tandem::once_flag) == 12);
  STATIC_REQUIRE(tandem::shareable<tandem::once_flag>);
  int calls = 0;
  call_once(once_flag_made_at_compile_time, [&] { ++calls; });
  CHECK(calls == 1);
}

TEMPLATE_TEST_CASE("once: across units", "[sync][once]", threads, processes) {
  in_each_home<room>([](room& one) {
    TestType::spawn_and_join(4, [&] {
      call_once(one.flag, [&] { ++one.calls; });
      if (one.calls != 1) throw std::runtime_error("it returned before it was done");
    });
    CHECK(one.calls == 1);
  });
}

TEST_CASE("once: whoever dies inside has not done it; who waits does", "[sync][once][death]") {
  in_each_home<room>([](room& one) {
    auto& entered = place<std::atomic<bool>>(false);
    child_process inside([&] {
      call_once(one.flag, [&] {
        entered = true;
        for (;;) ::pause();
      });
    });
    while (!entered) std::this_thread::yield();
    std::thread waits([&] {
      call_once(one.flag, [&] { ++one.calls; });
      one.returned = 1;
    });
    inside.kill();
    waits.join();
    CHECK(one.calls == 1);
    CHECK(one.returned == 1);
  });
}

TEST_CASE("once: killed at every instruction, it is done once more, or it is done", "[sync][once][kill]") {
  survives_kills<room>(
      1, {}, [](room& one) { call_once(one.flag, [&] { one.calls = one.calls + 1; }); },
      [](room& one) -> verdict {
        int const before = one.calls;
        int again = 0;
        call_once(one.flag, [&] { ++again; });
        if (before == 0 && again == 0) return "it was not done at all";
        call_once(one.flag, [&] { ++again; });
        if (again > 1) return "it was done twice by one";
        return true;
      });
}
