// SPDX-License-Identifier: BSL-1.0
#include "tandem/queue/latest.hpp"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <thread>
#include <utility>

#include "queue/elements.hpp"
#include "support/build_kind.hpp"
#include "support/catch.hpp"
#include "support/kill_at_each_instruction.hpp"
#include "support/place.hpp"
#include "support/probes.hpp"
#include "support/random_kill.hpp"
#include "support/watchdog.hpp"
#include "tandem/core.hpp"
#include "tandem/execution/process.hpp"
#include "tandem/memory/impl/participants.hpp"
#include "tandem/memory/shared.hpp"
#include "tandem/os/clock.hpp"

using namespace std::chrono_literals;
using tandem::latest, tandem::shared;
using tandem_test::make, tandem_test::number_of, tandem_test::place, tandem_test::processes, tandem_test::require,
    tandem_test::threads, tandem_test::verdict;

TEMPLATE_TEST_CASE("latest: the newest value alone, and each new one once", "[queue][latest]", std::uint8_t, long,
                   tandem_test::page) {
  latest<TestType> value;
  STATIC_REQUIRE(tandem::shareable<latest<TestType>>);
  CHECK(value.capacity() == 1);
  CHECK_FALSE(value.load());
  CHECK_FALSE(value.try_pop());
  CHECK_FALSE(value.pop_for(1ms));
  for (int i = 0; i < 20; i += 2) {
    CHECK(value.push(make<TestType>(i)));
    CHECK(value.try_push(make<TestType>(i + 1)));
    CHECK(number_of(value.load().value()) == i + 1);
    CHECK(number_of(value.pop().value()) == i + 1);
    CHECK_FALSE(value.try_pop());
    CHECK(number_of(value.load().value()) == i + 1);
  }
  auto late = value.consumer();
  CHECK(number_of(late.pop().value()) == 19);
  CHECK_FALSE(late.try_pop());
  value.push(make<TestType>(30));
  value.close();
  CHECK_FALSE(value.push(make<TestType>(31)));
  CHECK(number_of(late.pop().value()) == 30);
  CHECK_FALSE(late.pop());
  CHECK(number_of(value.pop().value()) == 30);
  CHECK_FALSE(value.pop());
  CHECK(number_of(value.load().value()) == 30);
}

TEMPLATE_TEST_CASE("latest: many writers, many readers; none is torn, none goes back", "[queue][latest]",
                   (std::pair<threads, long>), (std::pair<threads, tandem_test::page>), (std::pair<processes, long>),
                   (std::pair<processes, tandem_test::page>)) {
  using peers = typename TestType::first_type;
  using T = typename TestType::second_type;
  int const each = static_cast<int>(tandem_test::repetitions(tandem_test::sanitized ? 1'000 : 10'000, 1'000'000));
  shared<latest<T>> value;
  auto& done = place<std::atomic<int>>(0);
  peers::spawn_and_join(4, [&](int side) {
    if (side < 2) {
      for (int i = 1; i <= each; ++i) require(value->push(make<T>(2 * i + side)), "it was closed");
      if (++done == 2) value->close();
      return;
    }
    int last[2]{};
    auto const look = [&](T const& seen) {
      int const number = number_of(seen);
      require(number >= 0, "torn");
      require(number / 2 >= last[number % 2], "it goes back");
      last[number % 2] = number / 2;
    };
    if (side == 2) {
      while (auto const next = value->pop()) look(*next);
      require(last[0] == each || last[1] == each, "the last one was not seen");
    } else {
      while (!value->is_closed())
        if (auto const now = value->load()) look(*now);
    }
  });
}

TEST_CASE("latest: its ends, in processes; a dead writer is no reason to wait", "[queue][latest][death]") {
  shared<latest<long>> value;
  auto& there = place<std::atomic<bool>>(false);
  tandem::process victim(
      [&there](auto out) {
        out.push(5);
        there = true;
        for (;;) ::pause();
      },
      value->producer());
  tandem::process reader(
      [](auto in) {
        long last = 0;
        while (auto const next = in.pop()) last = *next;
        return last;
      },
      value->consumer());
  while (!there) std::this_thread::yield();
  victim.kill(SIGKILL);
  CHECK(reader.join().value() == 5);
  CHECK_FALSE(victim.join().has_value());
  CHECK(value->load() == 5);
}

TEMPLATE_TEST_CASE("latest: killed at every instruction of a push, the value is whole, and others go on",
                   "[queue][latest][kill]", long, tandem_test::large) {
  if (tandem_test::sanitized) return;
  tandem_test::watchdog::allow(std::chrono::seconds(tandem_test::soaking() ? 3600 : 240));
  tandem::commons();
  shared<latest<TestType>> value;
  int number = 10;
  auto const report = tandem_test::kill_at_each_instruction({
      .reset = [&] { value->push(make<TestType>(number)); },
      .prepare = [] { tandem::impl::participants::self(); },
      .operation = [&] { value->push(make<TestType>(number + 1)); },
      .check = [&]() -> verdict {
        int const seen = number_of(value->load().value());
        if (seen != number && seen != number + 1) return "torn, or lost";
        number += 2;
        if (!value->push_for(make<TestType>(number), 3s)) return "nobody can write any more";
        return number_of(value->load().value()) == number ? verdict(true) : verdict("what was written is not there");
      },
  });
  INFO(report.to_string());
  CHECK(report.passed());
}

TEST_CASE("latest: killed at random, nobody hangs, no value is torn", "[queue][latest][kill]") {
  if (tandem_test::soaking()) tandem_test::watchdog::allow(std::chrono::hours(4));
  tandem::commons();
  shared<latest<tandem_test::page>> value;
  auto& read = place<std::atomic<long>>(0L);
  auto& wrong = place<std::atomic<long>>(0L);
  auto const report = tandem_test::random_kill({
      .workers = 4,
      .kills = tandem_test::repetitions(tandem_test::sanitized ? 100 : 200, 10'000),
      .work =
          [&](int worker, std::uint64_t seed) {
            auto number = static_cast<int>(seed % 1'000'000);
            for (;;) {
              if (worker % 2 == 0) {
                value->push(make<tandem_test::page>(++number));
              } else {
                if (number_of(value->pop().value()) < 0) ++wrong;
                ++read;
              }
            }
          },
      .check = [&](int) -> verdict {
        long const before = read;
        auto const until = tandem::os::monotonic_ns() + 10'000'000'000;
        while (read == before)
          if (tandem::os::monotonic_ns() > until) return "nobody gets on";
        return wrong == 0 ? verdict(true) : verdict("torn");
      },
  });
  INFO(report.to_string());
  CHECK(report.passed());
}
