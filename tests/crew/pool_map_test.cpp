// SPDX-License-Identifier: BSL-1.0
// Work that a pool divides by itself: map, for_each, transform_reduce.
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <numeric>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "tandem/crew/pool.hpp"
#include "tandem/memory/shared.hpp"

using namespace tandem_test;
using tandem::pool, tandem::process, tandem::shared, tandem::thread;

namespace {

std::vector<int> numbers(std::size_t many) {
  std::vector<int> all(many);
  std::iota(all.begin(), all.end(), 0);
  return all;
}

}  // namespace

TEMPLATE_TEST_CASE("pool: map divides any number of items, each is done once", "[crew][pool][map]", pool<thread>,
                   pool<process>) {
  TestType workers(3);
  for (std::size_t const many : {0U, 1U, 2U, 5U, 6U, 7U, 97U, 5000U}) {
    for (std::size_t const chunk : {0U, 1U, 3U, 10000U}) {
      shared<std::atomic<std::size_t>> calls(std::size_t{0});
      auto const doubled = workers.map(numbers(many),
                                       [calls](int n) {
                                         ++*calls;
                                         return 2 * n;
                                       },
                                       {.chunk = chunk});
      REQUIRE(doubled.size() == many);
      for (std::size_t i = 0; i < many; ++i) REQUIRE(doubled[i] == 2 * static_cast<int>(i));
      REQUIRE(*calls == many);
    }
  }
}

TEMPLATE_TEST_CASE("pool: items that take long go one by one, short ones many at once", "[crew][pool][map]",
                   pool<thread>, pool<process>) {
  TestType workers(2);
  // How many items lie between two of the same task: what a task is shows in who has run it last.
  auto const tasks_of = [&](auto work, std::size_t many) {
    std::size_t steps = 0;
    workers.for_each(numbers(many), work, {}, [&](std::size_t, std::size_t) { ++steps; });
    return steps;
  };
  auto const long_ones = tasks_of(
      [](int) {
        auto const until = std::chrono::steady_clock::now() + std::chrono::milliseconds(3);
        while (std::chrono::steady_clock::now() < until) {}
      },
      20);
  CHECK(long_ones == 20);
  CHECK(tasks_of([](int) {}, 100'000) < 1000);
}

TEMPLATE_TEST_CASE("pool: map tells how far it is", "[crew][pool][map]", pool<thread>, pool<process>) {
  TestType workers(2);
  std::vector<std::size_t> told;
  workers.map(
      numbers(100), [](int n) { return n; }, {.chunk = 10},
      [&](std::size_t done, std::size_t of) {
        CHECK(of == 100);
        told.push_back(done);
      });
  REQUIRE(told.size() == 10);
  CHECK(std::is_sorted(told.begin(), told.end()));
  CHECK(told.back() == 100);
}

TEMPLATE_TEST_CASE("pool: transform_reduce keeps the order", "[crew][pool][map]", pool<thread>, pool<process>) {
  TestType workers(3);
  auto const append = [](std::string a, std::string const& b) { return a + b; };
  auto const text = [](int n) { return std::to_string(n) + ' '; };
  std::string expected = "> ";
  for (int const n : numbers(500)) expected += text(n);
  CHECK(workers.transform_reduce(numbers(500), std::string("> "), append, text) == expected);
  CHECK(workers.transform_reduce(numbers(0), std::string("> "), append, text) == "> ");
  CHECK(workers.transform_reduce(
            numbers(1), 5, [](int a, int b) { return a - b; }, [](int n) { return n + 2; }) == 3);
}

TEMPLATE_TEST_CASE("pool: sums of floating-point numbers are the same, chunks being fixed", "[crew][pool][map]",
                   pool<thread>, pool<process>) {
  auto const sum = [](std::size_t workers) {
    return TestType(workers).transform_reduce(
        numbers(10'000), 0.0, [](double a, double b) { return a + b; }, [](int n) { return 1.0 / (n + 1); },
        {.chunk = 64});
  };
  auto const one = sum(1);
  CHECK(one > 9.0);
  for (int i = 0; i < 5; ++i) CHECK(sum(3) == one);
}

TEMPLATE_TEST_CASE("pool: one that fails leaves the others of a map alone", "[crew][pool][map]", pool<thread>,
                   pool<process>) {
  TestType workers(2);
  shared<std::atomic<int>> done(0);
  auto const work = [done](int n) {
    if (n % 10 == 3) throw std::domain_error(std::to_string(n));
    ++*done;
    return n;
  };
  CHECK_THROWS_WITH(workers.map(numbers(100), work, {.chunk = 1}), "3");  // the first of them, not the first in time
  CHECK(*done == 90);
}

TEMPLATE_TEST_CASE("pool: a map that is to fail fast ends with the first failure", "[crew][pool][map]", pool<thread>,
                   pool<process>) {
  TestType workers(2);
  shared<std::atomic<int>> begun(0), stopped(0);
  std::vector<tandem::failure> failures;
  std::string words;
  // The second one runs until it is asked to stop; the first one fails behind its begin.
  auto const work = [begun, stopped](std::pair<int, int> const& one) {
    ++*begun;
    while (*begun < 2) std::this_thread::yield();
    if (one.first == 0) throw std::domain_error("the first");
    ++*stopped;
    return 0;
  };
  std::vector<std::pair<int, int>> items(1000);
  for (int i = 0; i < 1000; ++i) items[static_cast<std::size_t>(i)] = {i, i};
  try {
    workers.map(items, work, {.chunk = 1, .fail_fast = true});
  } catch (tandem::tasks_failed const& error) {
    failures = error.failures();
    words = error.what();
  }
  REQUIRE_FALSE(failures.empty());
  CHECK_THAT(failures.front().what(), ContainsSubstring("the first"));
  CHECK_THAT(words, ContainsSubstring("the first"));
  CHECK(*begun < 1000);
}

TEST_CASE("pool: an item that kills its worker costs its own chunk", "[crew][pool][map][death]") {
  pool<process> workers(2);
  shared<std::atomic<int>> done(0);
  auto const work = [done](int n) {
    if (n == 50) ::raise(SIGKILL);
    ++*done;
    return n;
  };
  CHECK_THROWS_AS(workers.map(numbers(100), work, {.chunk = 10}), tandem::unit_died);
  CHECK(*done == 90);
  *done = 0;
  auto const until_it_works = [done](int n) {
    if (n == 50 && done->exchange(1) == 0) ::raise(SIGKILL);
    return n;
  };
  CHECK(workers.map(numbers(100), until_it_works, {.task = {.retries = 1}, .chunk = 10}) == numbers(100));
}

TEST_CASE("pool: maps within maps, more of them than workers", "[crew][pool][map]") {
  pool<thread> workers(2);
  auto const sums = workers.map(numbers(8), [&](int n) {
    auto const parts = workers.map(numbers(50), [&, n](int m) {
      auto const inner = workers.map(std::vector<int>{1, 2}, [n, m](int k) { return n * m * k; });
      return inner[0] + inner[1];
    });
    return std::accumulate(parts.begin(), parts.end(), 0);
  });
  for (int n = 0; n < 8; ++n) CHECK(sums[static_cast<std::size_t>(n)] == 3 * n * (49 * 50 / 2));
}
