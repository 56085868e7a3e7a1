// SPDX-License-Identifier: BSL-1.0
#include "tandem/sync/synchronized_value.hpp"

#include <signal.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <system_error>

#include "support/catch.hpp"
#include "support/probes.hpp"
#include "support/random_kill.hpp"
#include "sync/deaths.hpp"

using tandem_test::die_after, tandem_test::in_each_home, tandem_test::place, tandem_test::processes,
    tandem_test::survives_kills, tandem_test::threads, tandem_test::verdict;

namespace {

struct account {
  long a = 0, b = 0;
  long sum() const { return a + b; }
};
using value = tandem::synchronized_value<account>;

constinit value synchronized_value_made_at_compile_time{1L, 2L};

void change_account(account& one) {
  ++one.a;
  ++one.b;
}
bool is_whole(account const& one) { return one.a == one.b; }

}  // namespace

TEST_CASE("synchronized_value: apply sees the value, and changes it where it returns", "[sync][synchronized_value]") {
  STATIC_REQUIRE(tandem::shareable<value>);
  STATIC_REQUIRE(sizeof(value) == 2 * sizeof(account) + 16);
  CHECK(tandem::apply([](account const& one) { return one.b; }, synchronized_value_made_at_compile_time) == 2);
  value one(3L, 3L);
  tandem::apply(change_account, one);
  CHECK(tandem::apply([](account& it) { return it.a; }, one) == 4);
  CHECK_THROWS_AS(tandem::apply(
                      [](account& it) {
                        it.a = 0;
                        throw std::runtime_error("not so");
                      },
                      one),
                  std::runtime_error);
  value const& constant = one;
  CHECK(tandem::apply(&account::sum, constant) == 8);  // as std::invoke
  CHECK(tandem::apply(is_whole, one));
}

TEST_CASE("synchronized_value: of several, const ones too", "[sync][synchronized_value]") {
  value from(5L, 5L), to(0L, 0L);
  value const fee(1L, 1L);
  auto const left = tandem::apply(
      [](account& a, account& b, account const& c) {
        a.a -= 2 + c.a;
        b.a += 2;
        return a.a;
      },
      from, to, fee);
  CHECK(left == 2);
  CHECK(tandem::apply([](account& it) { return it.a; }, to) == 2);
}

TEST_CASE("synchronized_value: inside itself it is an error where a process is in sight",
          "[sync][synchronized_value][errors]") {
  in_each_home<value>([](value& one) {
    try {
      tandem::apply([&](account&) { tandem::apply(change_account, one); }, one);
      FAIL("it waits for itself");
    } catch (std::system_error const& error) { CHECK(error.code() == std::errc::resource_deadlock_would_occur); }
    tandem::apply(change_account, one);
    CHECK(tandem::apply(is_whole, one));
  });
}

TEMPLATE_TEST_CASE("synchronized_value: one at a time, and several without a deadlock", "[sync][synchronized_value]",
                   threads, processes) {
  struct pair_of_values {
    value first, second;
  };
  tandem::commons();
  auto& all = place<pair_of_values>();
  TestType::spawn_and_join(4, [&](int number) {
    auto const move = [](account& a, account& b) {
      --a.a;
      ++b.a;
    };
    for (int i = 0; i < 2000; ++i) {
      if (number % 2 == 0)
        tandem::apply(move, all.first, all.second);
      else
        tandem::apply(move, all.second, all.first);
    }
  });
  CHECK(tandem::apply([](account& a, account& b) { return a.a + b.a; }, all.first, all.second) == 0);
}

TEST_CASE("synchronized_value: a death inside changes nothing", "[sync][synchronized_value][death]") {
  in_each_home<value>([](value& one) {
    die_after([&] {
      tandem::apply(change_account, one);
      tandem::apply(
          [](account& it) {
            it.a = 99;
            ::raise(SIGKILL);
          },
          one);
    });
    CHECK(tandem::apply([](account& it) { return it.a == 1 && it.b == 1; }, one));
  });
}

TEST_CASE("synchronized_value: killed at every instruction of apply, the next one sees a whole value",
          "[sync][synchronized_value][kill]") {
  survives_kills<value>(
      1, {}, [](value& one) { tandem::apply(change_account, one); },
      [](value& one) -> verdict { return tandem::apply(is_whole, one) ? verdict(true) : verdict("half a change"); });
}

TEST_CASE("synchronized_value: killed at random, half a change is never seen", "[sync][synchronized_value][kill]") {
  if (tandem_test::soaking()) tandem_test::watchdog::allow(std::chrono::hours(4));
  tandem::commons();
  tandem::shared<value> one;
  auto& torn = place<std::atomic<int>>(0);
  auto const report = tandem_test::random_kill({
      .workers = 3,
      .kills = tandem_test::repetitions(tandem_test::sanitized ? 100 : 200, 20'000),
      .work =
          [&](int, std::uint64_t) {
            for (;;)
              tandem::apply(
                  [&](account& it) {
                    if (!is_whole(it)) ++torn;
                    change_account(it);
                  },
                  *one);
          },
      .check = [&](int) -> verdict {
        tandem::apply(change_account, *one);  // does not hang
        return torn == 0 ? verdict(true) : verdict("half a change");
      },
  });
  INFO(report.to_string());
  CHECK(report.passed());
}
