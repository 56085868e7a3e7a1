// SPDX-License-Identifier: BSL-1.0
#include "tandem/crew/pipeline.hpp"

#include <atomic>
#include <csignal>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "crew/pipelines.hpp"
#include "support/build_kind.hpp"
#include "support/catch.hpp"
#include "support/place.hpp"
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
using tandem_test::count_each, tandem_test::crash, tandem_test::loss, tandem_test::numbers_below;

namespace {

std::vector<int> each_once(long end) { return std::vector<int>(static_cast<std::size_t>(end), 1); }

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
