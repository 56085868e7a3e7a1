// SPDX-License-Identifier: BSL-1.0
#include "tandem/crew/pipeline.hpp"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include "support/build_kind.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/error_of.hpp"
#include "support/place.hpp"
#include "support/syscall_fault.hpp"
#include "tandem/core.hpp"
#include "tandem/crew/inlet.hpp"
#include "tandem/crew/outlet.hpp"
#include "tandem/crew/stage.hpp"
#include "tandem/execution/this_unit.hpp"
#include "tandem/execution/zygote.hpp"

using tandem::failure, tandem::inlet, tandem::mode, tandem::outlet, tandem::pipeline, tandem::stage,
    tandem::stage_options;
using tandem_test::ContainsSubstring, tandem_test::EndsWith, tandem_test::Equals, tandem_test::place,
    tandem_test::StartsWith;

namespace {

/// The numbers below `end`, as a first stage.
auto numbers_below(long end) {
  return [end](outlet<long>& out) {
    for (long i = 0; i < end; ++i)
      if (!out.push(i)) return;
  };
}

/// How often each came, as a last one.
constexpr auto count_each = [](inlet<long>& in) {
  std::vector<int> times;
  while (auto const one = in.pop()) {
    auto const at = static_cast<std::size_t>(*one);
    if (at >= times.size()) times.resize(at + 1);
    ++times[at];
  }
  return times;
};

std::vector<int> each_once(long end) { return std::vector<int>(static_cast<std::size_t>(end), 1); }

[[noreturn]] void crash() {
  std::signal(SIGSEGV, SIG_DFL);  // a sanitizer has its own
  rlimit const none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  std::raise(SIGSEGV);
  ::_exit(1);
}

struct loss {
  std::optional<long> element;
  failure why;
};

std::string refusal(auto make) {
  try {
    make();
  } catch (std::invalid_argument const& error) { return error.what(); }
  return "none";
}

std::string refusal_of(stage_options how) {
  return refusal([&] { pipeline(stage(numbers_below(1)), stage(how, [](long i) { return i; }), stage(count_each)); });
}

}  // namespace

TEST_CASE("pipeline: each element comes through once, whatever mode, width and batch", "[crew][pipeline]") {
  auto const how = GENERATE(mode::thread, mode::process);
  std::size_t const width = GENERATE(1U, 2U, 5U);
  std::size_t const batch = GENERATE(1U, 7U, 64U);
  CAPTURE(static_cast<int>(how), width, batch);
  stage_options const with{.mode = how, .width = width, .capacity = 3, .batch = batch};
  pipeline flow(
      stage({.mode = how}, numbers_below(2000)), stage(with, [](long i) { return std::to_string(i); }),
      stage(with,
            [](std::string text) { return std::stol(text) % 2 == 0 ? std::optional(std::move(text)) : std::nullopt; }),
      stage(with,
            [](std::string const& text, outlet<long>& out) {
              out.push(std::stol(text));
              out.push(std::stol(text) + 1);
            }),
      stage({.mode = how, .batch = batch}, count_each));
  CHECK(flow.run().value() == each_once(2000));
  CHECK(flow.run().value() == each_once(2000));  // once more, from the beginning
}

TEST_CASE("pipeline: one unit after the other keeps the order", "[crew][pipeline]") {
  auto const how = GENERATE(mode::thread, mode::process);
  pipeline flow(stage({.mode = how}, numbers_below(1000)), stage({.mode = how, .batch = 16}, [](long i) { return i; }),
                stage({.mode = how, .batch = 5}, [](inlet<long>& in) {
                  bool in_order = true;
                  long next = 0;
                  while (auto const one = in.pop()) in_order &= *one == next++;
                  return in_order && next == 1000;
                }));
  CHECK(flow.run().value());
}

TEST_CASE("pipeline: elements need not be copyable, nor functions be lambdas", "[crew][pipeline]") {
  struct half {
    std::unique_ptr<long> operator()(std::unique_ptr<long> const& one) const {
      return std::make_unique<long>(*one / 2);
    }
  };
  auto const how = GENERATE(mode::thread, mode::process);
  pipeline flow(stage({.mode = how},
                      [left = 3]() mutable -> std::optional<std::unique_ptr<long>> {
                        if (left-- == 0) return std::nullopt;
                        return std::make_unique<long>(20);
                      }),
                stage({.mode = how}, half()), stage({.mode = how}, [](inlet<std::unique_ptr<long>>& in) {
                  long sum = 0;
                  while (auto const one = in.pop()) sum += **one;
                  return sum;
                }));
  CHECK(flow.run().value() == 30);
}

TEST_CASE("pipeline: a last stage that returns nothing takes one by one", "[crew][pipeline]") {
  auto const how = GENERATE(mode::thread, mode::process);
  auto& sum = place<std::atomic<long>>(0);
  pipeline flow(stage({.mode = how}, numbers_below(101)),
                stage({.mode = how, .width = 2}, [&sum](long i) { sum += i; }));
  tandem::outcome<void> const done = flow.run();
  CHECK(done.has_value());
  CHECK(sum == 5050);
}

TEST_CASE("pipeline: a stage that reads by itself may hold its elements to the end", "[crew][pipeline]") {
  auto const how = GENERATE(mode::thread, mode::process);
  pipeline flow(stage({.mode = how}, numbers_below(1001)),
                stage({.mode = how, .width = 2, .batch = 10},
                      [](inlet<long>& in, outlet<long>& out) {
                        long sum = 0;
                        while (auto const one = in.pop()) sum += *one;
                        out.push(sum);
                      }),
                stage([](inlet<long>& in) {
                  long sum = 0;
                  int parts = 0;
                  while (auto const one = in.pop()) sum += *one, ++parts;
                  return std::pair(sum, parts);
                }));
  CHECK(flow.run().value() == std::pair(500500L, 2));
}

TEST_CASE("pipeline: who is slower makes those before it wait", "[crew][pipeline]") {
  auto const how = GENERATE(mode::thread, mode::process);
  auto& made = place<std::atomic<long>>(0);
  auto& most = place<std::atomic<long>>(0);
  pipeline flow(stage({.mode = how},
                      [&made]() -> std::optional<long> { return made < 500 ? std::optional(made++) : std::nullopt; }),
                stage({.mode = how, .capacity = 4}, [&](long i) {
                  for (int look = 0; look < 1000; ++look)
                    if (most < made - i) most = made - i;
                }));
  CHECK(flow.run().has_value());
  CHECK(made == 500);
  CHECK(most > 0);
  CHECK(most <= 4 + 3);  // in the queue; in the hands of either; and just taken
}

TEST_CASE("pipeline: a stage that ends early ends those before it", "[crew][pipeline]") {
  auto const how = GENERATE(mode::thread, mode::process);
  auto& made = place<std::atomic<long>>(0);
  auto const first_three = [](inlet<long>& in) {
    long sum = 0;
    for (int i = 0; i < 3; ++i) sum += in.pop().value();
    return sum;
  };
  SECTION("by its push") {
    pipeline flow(stage({.mode = how},
                        [&made](outlet<long>& out) {
                          while (out.push(made)) ++made;
                        }),
                  stage({.mode = how, .width = 2}, [](long) { return 1L; }), stage({.mode = how}, first_three));
    CHECK(flow.run().value() == 3);
  }
  SECTION("by a stop request, where it waits for something else") {
    pipeline flow(stage({.mode = how},
                        [](outlet<long>& out) {
                          for (int i = 0; i < 3; ++i) out.push(i);
                          out.get_stop_token().wait();
                        }),
                  stage({.mode = how, .batch = 1}, [](long i) { return i; }), stage({.mode = how}, first_three));
    CHECK(flow.run().value() == 3);
  }
}

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

TEST_CASE("pipeline: a stop ends all of it, with the result of what has come so far", "[crew][pipeline]") {
  auto const how = GENERATE(mode::thread, mode::process);
  auto& come = place<std::atomic<long>>(0);
  auto& made = place<std::atomic<long>>(0);
  tandem::stop_source stop;
  pipeline flow(stage({.mode = how},
                      [&made](outlet<long>& out) {
                        while (out.push(1)) ++made;
                        if (!out.stop_requested()) throw std::logic_error("ended before the stop");
                      }),
                stage({.mode = how, .width = 2}, [](long i) { return i; }),
                stage({.mode = how}, [&come](inlet<long>& in) {
                  long sum = 0;
                  while (auto const one = in.pop()) come = sum += *one;
                  return sum;
                }));
  tandem::thread asks([&come, stop]() mutable {
    while (come < 100) {}
    stop.request_stop();
  });
  CHECK(flow.run(stop.get_token()).value() >= 100);
  CHECK(asks.join().has_value());
  CHECK(flow.run(stop.get_token()).has_value());  // it was requested before
}

TEST_CASE("pipeline: a stop reaches a process that helps, in the middle of an element", "[crew][pipeline]") {
  if (tandem_test::thread_sanitized) return;
  auto& made = place<std::atomic<long>>(0);
  tandem::stop_source stop;
  pipeline flow(stage(numbers_below(10)),
                stage({.mode = mode::process, .restarts = true},
                      [&made](long i, outlet<long>& out) {
                        while (out.push(i)) ++made;
                      }),
                stage([](inlet<long>& in) {
                  while (in.pop()) {}
                }));
  tandem::thread asks([&made, stop]() mutable {
    while (made < 100) {}
    stop.request_stop();
  });
  CHECK(flow.run(stop.get_token()).has_value());
  CHECK(asks.join().has_value());
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

TEST_CASE("pipeline: what cannot be is refused, and named", "[crew][pipeline]") {
  CHECK(refusal_of({.name = "x", .width = 0}) == "tandem: make a pipeline: stage 'x': width is not between 1 and 1024");
  CHECK(refusal_of({.width = 1025}) == "tandem: make a pipeline: stage 2: width is not between 1 and 1024");
  CHECK_THAT(refusal_of({.capacity = 0}), EndsWith("stage 2: capacity is not between 1 and 2^31"));
  CHECK_THAT(refusal_of({.capacity = std::size_t{1} << 32}), EndsWith("capacity is not between 1 and 2^31"));
  CHECK_THAT(refusal_of({.batch = 0}), ContainsSubstring("stage 2: batch is 0"));
  CHECK_THAT(refusal([] { pipeline(stage({.skips = true}, numbers_below(1)), stage(count_each)); }),
             ContainsSubstring("stage 1: skips: "));
  CHECK_THAT(refusal([] { pipeline(stage(numbers_below(1)), stage({.restarts = true}, count_each)); }),
             ContainsSubstring("stage 2: restarts: "));
  CHECK_THAT(refusal([] { pipeline(stage(numbers_below(1)), stage({.width = 2}, count_each)); }),
             ContainsSubstring("stage 2: width is not 1: several units would have several results"));
  CHECK(refusal_of({.mode = mode::process, .restarts = true}) == "none");
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

TEST_CASE("pipeline: its processes may come from a zygote, and report their crashes", "[crew][pipeline]") {
  if (tandem_test::sanitized) return;
  tandem::zygote z;
  std::vector<loss> lost;
  pipeline flow(stage({.mode = mode::process, .start = z}, numbers_below(100)),
                stage(
                    {.mode = mode::process, .width = 2, .restarts = true, .start = z, .report_crash = true},
                    [](long i) {
                      if (i == 42) std::raise(SIGABRT);
                      return i;
                    },
                    [&lost](std::optional<long> const& element, failure const& why) {
                      lost.push_back({element, why});
                    }),
                stage({.start = z}, count_each));  // a thread takes no notice
  auto expected = each_once(100);
  expected[42] = 0;
  CHECK(flow.run().value() == expected);
  REQUIRE(lost.size() == 1);
  CHECK(lost[0].element == 42);
  CHECK(lost[0].why.crash().has_value());
}

TEST_CASE("pipeline: units have the names of their stages", "[crew][pipeline]") {
  auto const how = GENERATE(mode::thread, mode::process);
  pipeline flow(stage({.mode = how}, [](outlet<std::string>& out) { out.push(tandem::this_unit::name()); }),
                stage({.name = "x", .mode = how, .width = 2},
                      [](std::string const& text) { return text + ", " + tandem::this_unit::name(); }),
                stage([](inlet<std::string>& in) { return in.pop().value(); }));
  CHECK_THAT(flow.run().value(), Equals("stage 1, x 1") || Equals("stage 1, x 2"));
}
