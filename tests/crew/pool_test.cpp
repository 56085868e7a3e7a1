// SPDX-License-Identifier: BSL-1.0
#include "tandem/crew/pool.hpp"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <numeric>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "crew/scarce_descriptors.hpp"
#include "support/build_kind.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/error_of.hpp"
#include "support/place.hpp"
#include "tandem/core.hpp"
#include "tandem/execution/this_unit.hpp"
#include "tandem/execution/zygote.hpp"
#include "tandem/memory/codec_shm_vector.hpp"
#include "tandem/memory/shared.hpp"
#include "tandem/memory/shm.hpp"
#include "tandem/resource/pipe.hpp"

using namespace std::chrono_literals;
using namespace tandem_test;
using tandem::future, tandem::mode, tandem::pool, tandem::process, tandem::shared, tandem::thread;

namespace {

using units = pool<tandem::unit>;

int square(int n) { return n * n; }

}  // namespace

static_assert(std::is_same_v<decltype(pool{mode::thread, 2}), units>);
static_assert(!std::is_copy_constructible_v<pool<thread>> && std::is_nothrow_move_constructible_v<pool<process>>);

TEMPLATE_TEST_CASE("pool: runs what is submitted", "[crew][pool]", pool<thread>, pool<process>) {
  TestType workers(2);
  CHECK(workers.size() == 2);
  CHECK(workers.mode() == (std::is_same_v<TestType, pool<thread>> ? mode::thread : mode::process));
  std::vector<future<int>> answers;
  for (int n = 0; n < 100; ++n) answers.push_back(workers.submit(&square, n));
  for (int n = 0; n < 100; ++n) CHECK(answers[static_cast<std::size_t>(n)].get() == n * n);
}

TEST_CASE("pool: its mode can be chosen at run time", "[crew][pool]") {
  auto const how = GENERATE(mode::thread, mode::process);
  pool workers{how, 2};
  CHECK(workers.mode() == how);
  CHECK(workers.submit(&square, 5).get() == 25);
  CHECK(workers.submit([] { return tandem::this_unit::mode(); }).get() == how);
  CHECK(units(how).size() > 0);
  CHECK(units(how, {.workers = 3}).size() == 3);
}

TEST_CASE("pool: what workers cannot be", "[crew][pool]") {
  CHECK_THROWS_AS(pool<thread>(0), std::invalid_argument);
  CHECK_THROWS_AS(pool<process>(-1), std::invalid_argument);
  CHECK_THROWS_WITH(pool<thread>(2000), ContainsSubstring("workers"));
  CHECK_THROWS_WITH(pool<thread>({.workers = 1025}), ContainsSubstring("workers"));
  CHECK_THROWS_WITH(pool<process>({.start = tandem::start::exec}), ContainsSubstring("start"));
}

TEST_CASE("pool: where one worker cannot be started, the others end, and none is left", "[crew][pool]") {
  CHECK(run_in_child([] {
          int nine = 0;
          CHECK(refusals_until_it_works(40, [&] { nine = pool<process>(4).submit(&square, 3).get(); }) > 4);
          CHECK(nine == 9);
        }).passed());
}

TEMPLATE_TEST_CASE("pool: arguments and results of any transferable type", "[crew][pool]", pool<thread>,
                   pool<process>) {
  TestType workers(2);
  CHECK(workers.submit([](std::string a, std::string const& b) { return a + b; }, "tan", std::string("dem")).get() ==
        "tandem");
  CHECK(workers.submit([](std::unique_ptr<int> p) { return std::make_unique<int>(*p + 1); }, std::make_unique<int>(1))
            .get()
            .
            operator*() == 2);
  std::vector<double> const many(10'000, 0.5);
  CHECK(workers.submit([](std::vector<double> v) { return v; }, many).get() == many);
  tandem::shm::vector<int> large(1 << 20, 7);
  auto const back = workers
                        .submit(
                            [](tandem::shm::vector<int> v) {
                              v[0] = 8;
                              return v;
                            },
                            std::move(large))
                        .get();
  CHECK(back.size() == 1 << 20);
  CHECK(back[0] == 8);
  shared<std::atomic<int>> counter(0);
  std::vector<future<void>> all;
  for (int i = 0; i < 50; ++i) all.push_back(workers.submit([counter] { ++*counter; }));
  for (int i = 0; i < 50; ++i) all.push_back(workers.submit([](auto const& its) { ++*its; }, counter));
  for (auto& one : all) one.get();
  CHECK(*counter == 100);
  auto made = workers.submit([] { return shared<int>(42); }).get();
  CHECK(*made == 42);
  CHECK(made.use_count() == 1);
  all.clear();
  workers.shutdown();
  CHECK(counter.use_count() == 1);
}

TEMPLATE_TEST_CASE("pool: what a task throws is its outcome", "[crew][pool]", pool<thread>, pool<process>) {
  TestType workers(2);
  auto bad = workers.submit([]() -> std::string { throw std::out_of_range("too far"); });
  CHECK_THROWS_AS(bad.get(), std::out_of_range);
  auto const why = workers.submit([] { throw std::runtime_error("no"); }).get_outcome();
  REQUIRE_FALSE(why);
  CHECK(why.error().what() == "no");
  CHECK_THAT(why.error().unit(), StartsWith("pool "));
  CHECK(workers.submit(&square, 3).get() == 9);
}

TEST_CASE("pool: a task that kills its process fails alone", "[crew][pool][death]") {
  auto const how = GENERATE(0, 1, 2);
  pool<process> workers(2);
  std::vector<future<int>> all;
  for (int n = 0; n < 40; ++n)
    all.push_back(workers.submit(
        [how](int k) {
          if (k % 10 == 3) {
            if (how == 0) std::abort();
            if (how == 1) ::raise(SIGKILL);
            ::_exit(7);
          }
          return k;
        },
        n));
  for (int n = 0; n < 40; ++n) {
    auto const outcome = all[static_cast<std::size_t>(n)].get_outcome();
    if (n % 10 != 3) {
      CHECK(outcome == n);
      continue;
    }
    REQUIRE_FALSE(outcome);
    CHECK(outcome.error().signal() == (how == 0 ? SIGABRT : how == 1 ? SIGKILL : 0));
    if (how == 2) CHECK(outcome.error().exit_code() == 7);
    CHECK_THAT(outcome.error().unit(), StartsWith("pool "));
  }
}

TEST_CASE("pool: results outlive the worker that made them", "[crew][pool][death]") {
  pool<process> workers(1);
  auto text = workers.submit([] { return std::string(1000, 'x'); });
  auto object = workers.submit([] { return shared<tandem::shm::string>("yyy"); });
  auto vector = workers.submit([] { return tandem::shm::vector<int>(100, 3); });
  CHECK_FALSE(workers.submit([] { ::raise(SIGKILL); }).get_outcome().has_value());
  CHECK(workers.submit(&square, 2).get() == 4);  // a new one is there, the old one is buried
  CHECK(text.get() == std::string(1000, 'x'));
  CHECK(*object.get() == "yyy");
  CHECK(vector.get() == tandem::shm::vector<int>(100, 3));
}

TEST_CASE("pool: a task past its time is ended, alone", "[crew][pool][death]") {
  pool<process> workers(2);
  auto late = workers.submit({.timeout = 50ms}, [] {
    for (;;) ::pause();
  });
  std::vector<future<int>> others;
  for (int n = 0; n < 20; ++n) others.push_back(workers.submit({.timeout = 1h}, &square, n));
  auto const outcome = late.get_outcome();
  REQUIRE_FALSE(outcome);
  CHECK(outcome.error().timed_out());
  CHECK(outcome.error().signal() == SIGKILL);
  for (int n = 0; n < 20; ++n) CHECK(others[static_cast<std::size_t>(n)].get() == n * n);
  CHECK_THROWS_AS(workers.submit({.timeout = -1ns}, &square, 1), std::invalid_argument);
  pool<thread> threads(1);
  CHECK_THROWS_WITH(threads.submit({.timeout = 1s}, &square, 1), ContainsSubstring("timeout"));
}

TEMPLATE_TEST_CASE("pool: workers are replaced after so many tasks", "[crew][pool]", pool<thread>, pool<process>) {
  TestType workers({.workers = 2, .max_tasks_per_worker = 5});
  std::vector<future<tandem::unit_id>> all;
  for (int i = 0; i < 100; ++i) all.push_back(workers.submit([] { return tandem::this_unit::get_id(); }));
  std::vector<tandem::unit_id> ids;
  for (auto& one : all) ids.push_back(one.get());
  std::set<tandem::unit_id> const different(ids.begin(), ids.end());
  CHECK(different.size() >= 20);
  for (auto const& one : different)
    CHECK(std::count_if(ids.begin(), ids.end(), [&](auto const& id) { return id == one; }) <= 5);
}

TEMPLATE_TEST_CASE("pool: more than its board holds", "[crew][pool]", pool<thread>, pool<process>) {
  TestType workers(2);
  long sum = 0;
  std::vector<future<long>> all;
  for (long n = 0; n < 5000; ++n) all.push_back(workers.submit([](long k) { return k; }, n));
  for (auto& one : all) sum += one.get();
  CHECK(sum == 5000L * 4999 / 2);
}

TEMPLATE_TEST_CASE("pool: map keeps the order, for_each reaches all", "[crew][pool]", pool<thread>, pool<process>) {
  TestType workers(3);
  std::vector<int> numbers(1000);
  std::iota(numbers.begin(), numbers.end(), 0);
  auto const squares = workers.map(numbers, &square);
  REQUIRE(squares.size() == 1000);
  for (int n = 0; n < 1000; ++n) CHECK(squares[static_cast<std::size_t>(n)] == n * n);
  CHECK(workers.map(std::vector<std::string>{"a", "bc"}, [](std::string const& s) { return s.size(); }) ==
        std::vector<std::size_t>{1, 2});
  CHECK(workers.map(std::vector<int>{}, &square).empty());
  shared<std::atomic<long>> sum(0);
  workers.for_each(numbers, [sum](int n) { *sum += n; });
  CHECK(*sum == 999L * 1000 / 2);
  CHECK_THROWS_AS(workers.map(numbers, [](int n) { return n == 500 ? throw std::domain_error("500") : n; }),
                  std::domain_error);
}

TEMPLATE_TEST_CASE("pool: waits, and shuts down behind all of it", "[crew][pool]", pool<thread>, pool<process>) {
  shared<std::atomic<int>> done(0);
  {
    TestType workers(2);
    std::vector<future<void>> all;
    for (int i = 0; i < 100; ++i) all.push_back(workers.submit([done] { ++*done; }));
    workers.wait();
    CHECK(*done == 100);
    for (int i = 0; i < 100; ++i) workers.submit([done] { ++*done; });
  }  // nobody keeps their futures
  CHECK(*done == 200);
  TestType workers(1);
  workers.shutdown();
  CHECK(error_of([&] { workers.submit(&square, 1); }) == EPERM);
  workers.shutdown();
}

TEMPLATE_TEST_CASE("pool: shut down now, what has not begun fails", "[crew][pool]", pool<thread>, pool<process>) {
  TestType workers(1);
  shared<std::atomic<int>> stage(0);
  auto first = workers.submit([stage] {
    *stage = 1;
    while (*stage == 1) std::this_thread::yield();
    return 1;
  });
  auto second = workers.submit(&square, 2);
  while (*stage == 0) std::this_thread::yield();
  std::jthread ends([&] { workers.shutdown_now(); });
  auto const outcome = second.get_outcome();
  REQUIRE_FALSE(outcome);
  CHECK_THAT(outcome.error().what(), ContainsSubstring("shut down"));
  *stage = 2;
  CHECK(first.get() == 1);
}

TEST_CASE("pool: closures that cannot travel are refused, and nothing is lost", "[crew][pool]") {
  pool<process> workers(1);
  int local = 1;
  CHECK_THROWS_WITH(workers.submit([&local] { return local; }),
                    ContainsSubstring("points into this process's own memory"));
  CHECK_THROWS_WITH(workers.submit([text = std::string(100, 'x')] { return text.size(); }),
                    ContainsSubstring("pass it as an argument"));
  tandem::pipe const ends;
  CHECK_THROWS_WITH(workers.submit([end = ends.write_end.dup()] { return end.get(); }),
                    ContainsSubstring("descriptor"));
  CHECK(error_of([&] { workers.submit([](tandem::fd) {}, ends.write_end.dup()); }) == EOPNOTSUPP);
  CHECK(workers.submit(&square, 2).get() == 4);
}

TEST_CASE("pool: workers from a zygote", "[crew][pool]") {
  tandem::zygote zygote;
  pool<process> workers({.name = "from zygote", .workers = 2, .start = zygote});
  auto bad = workers.submit([] { std::abort(); });
  CHECK(workers.map(std::vector<int>{1, 2, 3}, &square) == std::vector<int>{1, 4, 9});
  auto const outcome = bad.get_outcome();
  REQUIRE_FALSE(outcome);
  CHECK(outcome.error().signal() == SIGABRT);
}

TEMPLATE_TEST_CASE("pool: submitted to from several threads at once", "[crew][pool]", pool<thread>, pool<process>) {
  TestType workers(2);
  std::atomic<long> sum{0};
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int n = 0; n < 200; ++n) sum += workers.submit(&square, n).get();
    });
  threads.clear();
  long one = 0;
  for (int n = 0; n < 200; ++n) one += n * n;
  CHECK(sum == 4 * one);
}

TEST_CASE("pool: workers killed at random; each task ends once", "[crew][pool][kill]") {
  pool<process> workers(3);
  shared<std::atomic<long>> runs(0);
  long values = 0, deaths = 0;
  long const least = repetitions(sanitized ? 300 : 2000, 100'000);
  long total = 0;
  while (total < least) {
    std::vector<future<int>> all;
    for (int n = 0; n < 100; ++n, ++total)
      all.push_back(workers.submit(
          [runs](int k) {
            ++*runs;
            if (k % 7 == 0) ::kill(::getpid(), SIGKILL);
            return k;
          },
          n));
    for (int n = 0; n < 100; ++n) {
      auto const outcome = all[static_cast<std::size_t>(n)].get_outcome();
      if (outcome && *outcome == n && n % 7 != 0) ++values;
      if (!outcome && n % 7 == 0 && outcome.error().signal() == SIGKILL) ++deaths;
    }
  }
  CHECK(values + deaths == total);
  CHECK(*runs == total);
}
