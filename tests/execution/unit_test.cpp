// SPDX-License-Identifier: BSL-1.0
#include "tandem/execution/unit.hpp"

#include <signal.h>

#include <chrono>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "tandem/execution/borrow.hpp"
#include "tandem/execution/this_unit.hpp"
#include "tandem/memory/shared.hpp"

using namespace std::chrono_literals;
using tandem::mode;

namespace {
template <template <class> class Unit> std::string greet() {
  tandem::shared<std::atomic<int>> greeted(0);
  Unit worker{[greeted](std::string name) {
                ++*greeted;
                return "hello, " + name;
              },
              std::string("world")};
  auto answer = worker.join();
  return *answer + " " + std::to_string(greeted->load());
}
}  // namespace

TEST_CASE("unit: the mode chosen at run time is the mode it runs in", "[execution][unit]") {
  auto const how = GENERATE(mode::thread, mode::process);
  auto one = tandem::spawn(how, [] { return tandem::this_unit::mode(); });
  CHECK(one.mode() == how);
  CHECK((one.as_process() != nullptr) == (how == mode::process));
  CHECK((one.as_thread() != nullptr) == (how == mode::thread));
  CHECK(one.join().value() == how);
}

TEST_CASE("unit: has the whole interface of both", "[execution][unit]") {
  auto const how = GENERATE(mode::thread, mode::process);
  tandem::unit worker{how, tandem::options{.name = "either"},
                      [](tandem::stop_token stop, std::string text) {
                        stop.wait();
                        return text;
                      },
                      "literal"};
  static_assert(std::is_same_v<decltype(worker), tandem::unit<std::string>>);
  CHECK(worker.joinable());
  CHECK(worker.name() == "either");
  CHECK(worker.get_id() != tandem::unit_id{});
  CHECK_FALSE(worker.try_join().has_value());
  CHECK_FALSE(worker.join_for(1ms).has_value());
  auto moved = std::move(worker);
  tandem::unit<std::string> other;
  swap(moved, other);
  CHECK_FALSE(moved.joinable());
  CHECK_FALSE(other.get_stop_token().stop_requested());
  CHECK(other.get_stop_source().request_stop());
  CHECK(other.get_outcome().value() == "literal");
  CHECK(other.join_until(std::chrono::steady_clock::now() + 1h)->value() == "literal");
}

TEST_CASE("unit: a vector of them mixes both kinds", "[execution][unit]") {
  std::vector<tandem::unit<int>> units;
  for (int i = 0; i < 6; ++i)
    units.push_back(tandem::spawn(i % 2 == 0 ? mode::thread : mode::process, [i] { return i; }));
  int sum = 0;
  for (auto& one : units) sum += one.join().value();
  CHECK(sum == 15);
}

TEST_CASE("unit: made from a thread or a process", "[execution][unit]") {
  tandem::unit<int> one = tandem::thread{[] { return 1; }};
  tandem::unit<int> two = tandem::process{[] { return 2; }};
  CHECK(two.as_process()->pid() > 0);
  CHECK(one.join().value() + two.join().value() == 3);
  tandem::unit<int> empty;
  CHECK_THROWS_AS(empty.join(), std::system_error);
}

TEST_CASE("unit: what only a process can do is reached through it", "[execution][unit]") {
  auto worker = tandem::spawn(mode::process, [] { tandem::this_unit::sleep_for(1h); });
  REQUIRE(worker.as_process() != nullptr);
  worker.as_process()->kill(SIGKILL);
  CHECK(worker.join().error().signal() == SIGKILL);
}

TEST_CASE("spawn: the kind is a template argument, or the first one", "[execution][unit]") {
  CHECK(greet<tandem::thread>() == "hello, world 1");
  CHECK(greet<tandem::process>() == "hello, world 1");
  CHECK(tandem::spawn<tandem::thread>([](int n) { return n + 1; }, 1).join().value() == 2);
  CHECK(tandem::spawn<tandem::process>(tandem::options{.name = "named"}, [] { return tandem::this_unit::name(); })
            .join()
            .value() == "named");
  CHECK(tandem::spawn(mode::process, {.name = "named"}, [] { return tandem::this_unit::name(); }).join().value() ==
        "named");
}

TEST_CASE("spawn: borrows in both modes", "[execution][unit][borrow]") {
  auto const how = GENERATE(mode::thread, mode::process);
  std::vector<int> const numbers(1000, 2);
  auto worker = tandem::spawn(
      how, [](auto const& all) { return all.size() * static_cast<std::size_t>(all[0]); }, tandem::borrow(numbers));
  CHECK(worker.join().value() == 2000);
}
