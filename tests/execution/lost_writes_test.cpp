// SPDX-License-Identifier: BSL-1.0
// The same file is also built at -O0, at -O2, by g++ and by clang++, with and without AddressSanitizer: see the
// programs tests.
#include "tandem/execution/lost_writes.hpp"

#include <array>
#include <string>
#include <thread>
#include <vector>

#include "execution/kinds.hpp"
#include "support/catch.hpp"
#include "tandem/memory/shared.hpp"

using tandem::lost_writes;
using tandem_test::collected_failures, tandem_test::ContainsSubstring;

namespace {

/// The compiler may not know what a reference leads to, or it would do the write at compile time.
template <class T> void touch(T& object) { asm volatile("" : : "r"(&object) : "memory"); }

template <class F> auto run_watched(F&& workload) {
  return tandem::process({.name = "writer", .lost_writes = lost_writes::fail}, std::forward<F>(workload)).join();
}

[[gnu::noinline]] bool found_through_frames(int depth, int& target) {
  std::array<char, 4096> fill{};
  touch(fill);
  if (depth > 0) {
    bool const found = found_through_frames(depth - 1, target);
    touch(fill);
    return found;
  }
  auto result = run_watched([&target] {
    target = 5;
    touch(target);
  });
  return !result.has_value();
}

}  // namespace

TEST_CASE("lost_writes: a write through a captured reference fails, names the unit and the remedy",
          "[execution][lost_writes]") {
  int count = 0;
  touch(count);
  auto result = run_watched([&count] {
    ++count;
    touch(count);
  });
  REQUIRE_FALSE(result.has_value());
  CHECK(count == 0);
  CHECK(result.error().how() == tandem::ending::threw);
  CHECK_THAT(result.error().what(), ContainsSubstring("writer") && ContainsSubstring("tandem::shared<T>"));
  CHECK_THROWS_AS(result.value(), tandem::lost_write);
}

TEST_CASE("lost_writes: reads are no writes", "[execution][lost_writes]") {
  int count = 4;
  std::string text = "a local string";
  std::vector<int> numbers(1000, 1);
  auto result = run_watched([&] {
    touch(count);
    return count + static_cast<int>(text.size() + numbers.size());
  });
  CHECK(result.value() == 1018);
}

TEST_CASE("lost_writes: a workload may change its own copies", "[execution][lost_writes]") {
  int count = 0;
  auto result = run_watched([count, local = std::array<int, 64>{}]() mutable {
    ++count;
    for (auto& one : local) one = 7;
    touch(local);
    return count;
  });
  CHECK(result.value() == 1);
}

TEST_CASE("lost_writes: report leaves the outcome and tells the handler", "[execution][lost_writes]") {
  collected_failures failures;
  int count = 0;
  touch(count);
  tandem::process worker{{.name = "teller", .lost_writes = lost_writes::report}, [&count] {
                           count = 1;
                           touch(count);
                           return 2;
                         }};
  CHECK(worker.join().value() == 2);
  auto const texts = failures.take();
  REQUIRE(texts.size() == 1);
  CHECK_THAT(texts[0], ContainsSubstring("teller") && ContainsSubstring("lost_write"));
}

TEST_CASE("lost_writes: ignore does not look", "[execution][lost_writes]") {
  collected_failures failures;
  int count = 0;
  touch(count);
  tandem::process worker{{.lost_writes = lost_writes::ignore}, [&count] {
                           count = 1;
                           touch(count);
                           return 2;
                         }};
  CHECK(worker.join().value() == 2);
  CHECK(failures.take().empty());
}

TEST_CASE("lost_writes: the default is to report in checked builds, else to ignore", "[execution][lost_writes]") {
  CHECK(tandem::options{}.lost_writes == (TANDEM_CHECKED ? lost_writes::report : lost_writes::ignore));
}

TEST_CASE("lost_writes: found many frames up", "[execution][lost_writes]") {
  int target = 0;
  CHECK(found_through_frames(0, target));
  CHECK(found_through_frames(20, target));
  CHECK(target == 0);
}

TEST_CASE("lost_writes: found by a starter in a thread, and its thread-local variables are no locals",
          "[execution][lost_writes]") {
  bool found = false;
  bool alarm = true;
  std::thread([&] {
    static thread_local int own = 1;
    int count = 0;
    touch(count);
    found = !run_watched([&count] {
               count = 1;
               touch(count);
             }).has_value();
    alarm = !run_watched([] {
               own = 2;
               errno = 5;
               touch(own);
               static_cast<void>(std::string(100000, 'x'));
             }).has_value();
  }).join();
  CHECK(found);
  CHECK_FALSE(alarm);
}

TEST_CASE("lost_writes: shared objects may be written", "[execution][lost_writes]") {
  tandem::shared<std::atomic<int>> count(0);
  CHECK(run_watched([count] { ++*count; }).has_value());
  CHECK(run_watched([&count] { ++*count; }).has_value());
  CHECK(*count == 2);
}

TEST_CASE("lost_writes: a workload that throws is watched too", "[execution][lost_writes]") {
  int count = 0;
  touch(count);
  auto result = run_watched([&count] {
    count = 1;
    touch(count);
    throw std::runtime_error("its own");
  });
  REQUIRE_FALSE(result.has_value());
  CHECK_THROWS_AS(result.value(), tandem::lost_write);
}
