// SPDX-License-Identifier: BSL-1.0
// What fails, dies or is left out in a pipeline.

#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "crew/pipelines.hpp"
#include "support/build_kind.hpp"
#include "support/catch.hpp"
#include "support/error_of.hpp"
#include "support/place.hpp"
#include "support/syscall_fault.hpp"
#include "tandem/core.hpp"
#include "tandem/crew/inlet.hpp"
#include "tandem/crew/outlet.hpp"
#include "tandem/crew/pipeline.hpp"
#include "tandem/crew/stage.hpp"

using tandem::failure, tandem::inlet, tandem::mode, tandem::outlet, tandem::pipeline, tandem::stage,
    tandem::stage_options;
using tandem_test::ContainsSubstring, tandem_test::EndsWith, tandem_test::Equals, tandem_test::place,
    tandem_test::StartsWith;
using tandem_test::count_each, tandem_test::crash, tandem_test::loss, tandem_test::numbers_below;

TEST_CASE("pipeline: an exception is its outcome, and names the unit", "[crew][pipeline]") {
  auto const how = GENERATE(mode::thread, mode::process);
  auto const thrower = GENERATE(0, 1, 2);
  CAPTURE(static_cast<int>(how), thrower);
  auto const at = [thrower](int here, long i) {
    if (here == thrower && i == 100) throw std::out_of_range("at 100");
  };
  pipeline flow(stage({.name = "first", .mode = how},
                      [at](outlet<long>& out) {
                        for (long i = 0; out.push(i); ++i) at(0, i);
                      }),
                stage({.mode = how},
                      [at](long i) {
                        at(1, i);
                        return i;
                      }),
                stage({.name = "last", .mode = how, .width = 2}, [at](long i) { at(2, i); }));
  auto const ended = flow.run();
  REQUIRE_FALSE(ended);
  CHECK(ended.error().how() == tandem::ending::threw);
  CHECK_THAT(ended.error().unit(), StartsWith(thrower == 0 ? "first" : thrower == 1 ? "stage 2" : "last "));
  CHECK(ended.error().type() == "std::out_of_range");
  CHECK_THROWS_AS(ended.value(), std::out_of_range);
}

TEST_CASE("pipeline: elements at which a stage throws may be skipped", "[crew][pipeline]") {
  auto const how = GENERATE(mode::thread, mode::process);
  std::size_t const batch = GENERATE(1U, 16U);
  std::vector<loss> lost;
  pipeline flow(stage({.mode = how}, numbers_below(600)),
                stage(
                    {.name = "picky", .mode = how, .width = 2, .batch = batch, .skips = true},
                    [](long i) {
                      if (i % 3 == 0) throw std::invalid_argument(std::to_string(i));
                      return i;
                    },
                    [&lost](std::optional<long> const& element, failure const& why) {
                      lost.push_back({element, why});
                    }),
                stage({.mode = how, .batch = batch}, count_each));
  auto const times = flow.run().value();
  REQUIRE(times.size() == 600);
  REQUIRE(lost.size() == 200);
  std::vector<int> seen(600);
  for (auto const& one : lost) {
    REQUIRE(one.element);
    ++seen[static_cast<std::size_t>(*one.element)];
    CHECK(one.why.what() == std::to_string(*one.element));
    CHECK_THAT(one.why.unit(), StartsWith("picky "));
  }
  for (std::size_t i = 0; i < 600; ++i) {
    CHECK(seen[i] == (i % 3 == 0 ? 1 : 0));
    CHECK(times[i] == (i % 3 == 0 ? 0 : 1));
  }
}

TEST_CASE("pipeline: without a report, what is left out reaches the unobserved-failure handler", "[crew][pipeline]") {
  static std::atomic<int> told;
  told = 0;
  auto const before = tandem::set_unobserved_failure_handler([](failure const&) noexcept { ++told; });
  pipeline flow(stage(numbers_below(10)), stage({.skips = true}, [](long i) {
                  if (i > 6) throw i;
                }));
  CHECK(flow.run().has_value());
  tandem::set_unobserved_failure_handler(before);
  CHECK(told == 3);
}

TEST_CASE("pipeline: a crash is its outcome", "[crew][pipeline]") {
  if (tandem_test::thread_sanitized) return;
  std::size_t const width = GENERATE(1U, 2U, 5U);
  pipeline flow(stage(numbers_below(1000)),
                stage({.name = "parse", .mode = mode::process, .width = width},
                      [](long i) {
                        if (i == 100) crash();
                        return i;
                      }),
                stage({.mode = mode::process}, count_each));
  auto const ended = flow.run();
  REQUIRE_FALSE(ended);
  CHECK(ended.error().signal() == SIGSEGV);
  CHECK_THAT(ended.error().unit(), StartsWith("parse"));
}

TEST_CASE("pipeline: a stage that restarts loses the element at which it crashed, and no other", "[crew][pipeline]") {
  if (tandem_test::thread_sanitized) return;
  std::size_t const width = GENERATE(1U, 2U, 5U);
  auto const others = GENERATE(mode::thread, mode::process);
  std::size_t const batch = GENERATE(1U, 20U);
  std::vector<loss> lost;
  pipeline flow(
      stage({.mode = others}, numbers_below(1000)),
      stage(
          {.name = "parse", .mode = mode::process, .width = width, .batch = batch, .skips = true, .restarts = true},
          [](long i) {
            if (i % 200 == 50) crash();
            if (i % 200 == 51) ::_exit(7);
            if (i % 200 == 52) throw i;
            return i;
          },
          [&lost](std::optional<long> const& element, failure const& why) {
            lost.push_back({element, why});
          }),
      stage({.mode = others, .batch = 16}, count_each));
  auto const times = flow.run().value();
  REQUIRE(times.size() == 1000);
  for (std::size_t i = 0; i < 1000; ++i) CHECK(times[i] == (i % 200 >= 50 && i % 200 <= 52 ? 0 : 1));
  REQUIRE(lost.size() == 15);
  for (auto const& one : lost) {
    REQUIRE(one.element);
    switch (*one.element % 200) {
      case 50:
        CHECK(one.why.signal() == SIGSEGV);
        break;
      case 51:
        CHECK(one.why.exit_code() == 7);
        break;
      default:
        CHECK(*one.element % 200 == 52);
        CHECK(one.why.how() == tandem::ending::threw);
    }
  }
}

TEST_CASE("pipeline: a last stage may restart, too", "[crew][pipeline]") {
  if (tandem_test::thread_sanitized) return;
  std::size_t const batch = GENERATE(1U, 8U);
  auto& sum = place<std::atomic<long>>(0);
  int lost = 0;
  pipeline flow(stage(numbers_below(100)),
                stage(
                    {.mode = mode::process, .width = 2, .batch = batch, .restarts = true},
                    [&sum](long i) {
                      if (i % 10 == 7) crash();
                      sum += i;
                    },
                    [&lost](std::optional<long> const& one, failure const&) { lost += one && *one % 10 == 7; }));
  CHECK(flow.run().has_value());
  CHECK(lost == 10);
  CHECK(sum == 4950 - 520);
}

namespace pipeline_test {

/// Kills the process that receives it.
struct poison {
  pid_t made_by = ::getpid();
};

}  // namespace pipeline_test

using pipeline_test::poison;

template <> struct tandem::codec<poison> {
  static constexpr std::size_t least_size = sizeof(pid_t);
  static constexpr bool carries_descriptors = false;
  static void encode(writer& to, poison const& value) { to.write_flat(value.made_by); }
  static poison decode(reader& from) {
    poison const value{from.read_flat<pid_t>()};
    if (value.made_by != ::getpid()) crash();
    return value;
  }
};

TEST_CASE("pipeline: units that all die before they have begun anything are not replaced for ever",
          "[crew][pipeline]") {
  if (tandem_test::thread_sanitized) return;
  int deaths = 0;
  pipeline flow(stage([](outlet<poison>& out) {
                  while (out.push({})) {}
                }),
                stage(
                    {.name = "taster", .mode = mode::process, .restarts = true}, [](poison const&) {},
                    [&deaths](std::optional<poison> const& one, failure const&) { deaths += !one; }));
  auto const ended = flow.run();
  REQUIRE_FALSE(ended);
  CHECK(ended.error().signal() == SIGSEGV);
  CHECK(deaths == 15);
}

TEST_CASE("pipeline: a failure beside a stop is not lost", "[crew][pipeline]") {
  auto const how = GENERATE(mode::thread, mode::process);
  tandem::stop_source stop;
  stop.request_stop();
  pipeline flow(stage(numbers_below(1)), stage({.name = "last", .mode = how},
                                               [](inlet<long>&) -> int { throw std::runtime_error("no result"); }));
  auto const ended = flow.run(stop.get_token());
  REQUIRE_FALSE(ended);
  CHECK(ended.error().unit() == "last");
}

TEST_CASE("pipeline: where a unit cannot be started, none is left", "[crew][pipeline]") {
  if (tandem_test::sanitized) return;  // their allocators want to start threads of their own
  auto const result = tandem_test::run_with_fault({{SYS_clone3, EAGAIN}, {SYS_clone, EAGAIN}}, [] {
    for (auto const how : {mode::thread, mode::process}) {
      pipeline flow(stage({.mode = how}, numbers_below(10)), stage({.mode = how}, count_each));
      CHECK(tandem_test::error_of([&] { flow.run(); }) == EAGAIN);
    }
  });
  INFO(result.to_string());
  CHECK(result.passed());
}

TEST_CASE("pipeline: what a report throws ends it", "[crew][pipeline]") {
  auto const how = GENERATE(mode::thread, mode::process);
  pipeline flow(stage({.mode = how},
                      [](outlet<long>& out) {
                        while (out.push(1)) {}
                      }),
                stage(
                    {.mode = how, .skips = true}, [](long i) { throw i; },
                    [](std::optional<long> const&, failure const&) { throw std::runtime_error("enough"); }));
  CHECK_THROWS_WITH(flow.run(), "enough");
}

namespace pipeline_test {

struct unsendable {
  int number = 0;
};

}  // namespace pipeline_test

using pipeline_test::unsendable;

template <> struct tandem::codec<unsendable> {
  static constexpr std::size_t least_size = sizeof(int);
  static constexpr bool carries_descriptors = false;
  static void encode(writer& to, unsendable const& value) {
    if (value.number == 5) throw std::domain_error("five");
    to.write_flat(value.number);
  }
  static unsendable decode(reader& from) { return {from.read_flat<int>()}; }
};

TEST_CASE("pipeline: an element that cannot be handed on is no element to skip", "[crew][pipeline]") {
  auto const how = GENERATE(mode::thread, mode::process);
  pipeline flow(
      stage({.mode = how}, numbers_below(10)),
      stage({.name = "sender", .mode = how, .skips = true}, [](long i) { return unsendable{static_cast<int>(i)}; }),
      stage({.mode = how}, [](unsendable) {}));
  auto const ended = flow.run();
  REQUIRE_FALSE(ended);
  CHECK(ended.error().unit() == "sender");
  CHECK(ended.error().what() == "five");
}
