// SPDX-License-Identifier: BSL-1.0
// Workers: how many, what they do first, and which CPUs they have.
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "support/catch.hpp"
#include "support/error_of.hpp"
#include "tandem/core.hpp"
#include "tandem/crew/pool.hpp"
#include "tandem/execution/cpu_set.hpp"
#include "tandem/execution/this_unit.hpp"
#include "tandem/memory/shared.hpp"

using namespace tandem_test;
using tandem::cpu_set, tandem::future, tandem::mode, tandem::pool, tandem::process, tandem::shared, tandem::thread;

namespace {

/// Who runs `many` tasks that each wait until all of them run.
template <class Pool> std::set<std::string> at_once(Pool& workers, int many) {
  shared<std::atomic<int>> here(0);
  std::vector<future<std::string>> all;
  for (int i = 0; i < many; ++i)
    all.push_back(workers.submit([here, many] {
      ++*here;
      while (*here < many) std::this_thread::yield();
      return tandem::this_unit::name();
    }));
  std::set<std::string> names;
  for (auto& one : all) names.insert(one.get());
  return names;
}

}  // namespace

TEMPLATE_TEST_CASE("pool: more workers, and fewer, while it works", "[crew][pool][resize]", pool<thread>,
                   pool<process>) {
  TestType workers(1);
  workers.resize(4);
  CHECK(workers.size() == 4);
  CHECK(at_once(workers, 4) == std::set<std::string>{"pool 0", "pool 1", "pool 2", "pool 3"});
  workers.resize(2);
  CHECK(workers.size() == 2);
  CHECK(at_once(workers, 2).size() == 2);
  workers.resize(3);
  CHECK(at_once(workers, 3).size() == 3);
  CHECK_THROWS_WITH(workers.resize(0), ContainsSubstring("workers"));
  CHECK_THROWS_WITH(workers.resize(1025), ContainsSubstring("workers"));
  workers.shutdown();
  CHECK(error_of([&] { workers.resize(2); }) == EPERM);
}

TEMPLATE_TEST_CASE("pool: those too many end when they have done what they had at hand", "[crew][pool][resize]",
                   pool<thread>, pool<process>) {
  TestType workers(3);
  shared<std::atomic<int>> told(0), open(0);
  std::vector<future<int>> all;
  for (int i = 0; i < 3; ++i)
    all.push_back(workers.submit(
        [told, open](int n) {
          ++*told;
          auto const stop = tandem::this_unit::get_stop_token();
          while (!stop.stop_requested() && *open == 0) std::this_thread::yield();
          if (stop.stop_requested()) ++*told;
          return n;
        },
        i));
  while (*told < 3) std::this_thread::yield();
  workers.resize(1);
  while (*told < 5) std::this_thread::yield();
  *open = 1;
  CHECK(workers.submit([] { return tandem::this_unit::name(); }).get() == "pool 0");
  for (int i = 0; i < 3; ++i) CHECK(all[static_cast<std::size_t>(i)].get() == i);
}

TEST_CASE("pool: a pool that changes its width all the time loses no task", "[crew][pool][resize][kill]") {
  auto const how = GENERATE(mode::thread, mode::process);
  pool<tandem::unit> workers(how, 3);
  shared<std::atomic<int>> done(0);
  constexpr int many = 600;
  int lost = 0;
  std::vector<future<void>> all;
  for (int i = 0; i < many; ++i) {
    all.push_back(workers.submit([done, how, i] {
      if (how == mode::process && i % 50 == 7) ::raise(SIGKILL);
      ++*done;
    }));
    if (i % 20 == 0) workers.resize(1 + i / 20 % 5);
  }
  for (auto& one : all) lost += one.get_outcome().has_value() ? 0 : 1;
  CHECK(lost == (how == mode::process ? many / 50 : 0));
  CHECK(*done == many - lost);
}

TEST_CASE("pool: each worker begins with the hook", "[crew][pool][hook]") {
  auto const how = GENERATE(mode::thread, mode::process);
  shared<std::atomic<int>> begun(0), numbers(0);
  auto const hook = [begun, numbers](std::size_t number) {
    ++*begun;
    *numbers |= 1 << number;
  };
  {
    pool<tandem::unit> workers(how, {.workers = 3, .max_tasks_per_worker = 2}, hook);
    CHECK(at_once(workers, 3).size() == 3);
    CHECK(*begun == 3);
    CHECK(*numbers == 7);
    for (int i = 0; i < 12; ++i) workers.submit([] {}).get();
    CHECK(*begun >= 3 + 12 / 2 - 2);
  }
  pool<process> processes({.workers = 1}, [](std::size_t) { ::setenv("TANDEM_TEST_HOOK", "called", 1); });
  CHECK(processes.submit([] { return std::string(std::getenv("TANDEM_TEST_HOOK")); }).get() == "called");
}

TEST_CASE("pool: where no worker comes through the hook, what waits fails as it did", "[crew][pool][hook][death]") {
  auto const how = GENERATE(mode::thread, mode::process);
  pool<tandem::unit> workers(how, {.workers = 2}, [](std::size_t) { throw std::domain_error("no licence"); });
  std::string words;
  try {
    words = workers.submit([] { return 1; }).get_outcome().error().what();
  } catch (std::system_error const& error) { words = error.what(); }  // where it was faster
  CHECK_THAT(words, ContainsSubstring("no licence"));
  CHECK(error_of([&] { workers.submit([] {}); }) == EPERM);
}

TEST_CASE("pool: one that fails in the hook is tried again", "[crew][pool][hook][death]") {
  auto const how = GENERATE(mode::thread, mode::process);
  shared<std::atomic<int>> tries(0);
  pool<tandem::unit> workers(how, {.workers = 1}, [tries](std::size_t) {
    if (++*tries < 4) throw std::domain_error("not yet");
  });
  CHECK(workers.submit([] { return 1; }).get() == 1);
  CHECK(*tries == 4);
}

TEST_CASE("pool: each worker has its share of the CPUs", "[crew][pool][cpus]") {
  auto const how = GENERATE(mode::thread, mode::process);
  auto const all = cpu_set::available();
  if (all.size() < 2) return;
  pool<tandem::unit> workers(how, {.workers = 2, .divide_cpus = true});
  shared<std::atomic<int>> here(0);
  auto const look = [here] {
    ++*here;
    while (*here < 2) std::this_thread::yield();
    auto const mine = cpu_set::available();
    return std::vector<unsigned>(mine.begin(), mine.end());
  };
  auto one = workers.submit(look), two = workers.submit(look);
  auto first = one.get(), second = two.get();
  CHECK(first.size() + second.size() == all.size());
  std::set<unsigned> both(first.begin(), first.end());
  both.insert(second.begin(), second.end());
  CHECK(both == std::set<unsigned>(all.begin(), all.end()));
  // A pool within, as wide as by default, keeps to it.
  auto const inner = workers.submit([] { return pool<thread>().size(); }).get();
  CHECK((inner == first.size() || inner == second.size()));
  // More workers than CPUs: each has one.
  pool<thread> many({.workers = all.size() + 1, .divide_cpus = true});
  for (std::size_t i = 0; i < 10; ++i) CHECK(many.submit([] { return cpu_set::available().size(); }).get() == 1);
}
