// SPDX-License-Identifier: BSL-1.0
// Every way to come to no value, at every moment of a task's life, in pools of several widths: the task fails with it,
// and all others are done.
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/build_kind.hpp"
#include "support/catch.hpp"
#include "support/seed.hpp"
#include "tandem/core.hpp"
#include "tandem/crew/pool.hpp"
#include "tandem/execution/this_unit.hpp"
#include "tandem/memory/shared.hpp"
#include "tandem/memory/shared_array.hpp"

using namespace std::chrono_literals;
using namespace tandem_test;
using tandem::future, tandem::pool, tandem::process, tandem::shared, tandem::thread;

namespace ways_to_fail {

enum class way { none, abort, kill, quit, leave, throws, hang };
enum class moment { argument, running, result };

inline void go(way how) {
  switch (how) {
    case way::none:
      return;
    case way::abort:
      std::abort();
    case way::kill:
      ::raise(SIGKILL);
      return;
    case way::quit:
      ::_exit(7);
    case way::leave:
      std::exit(8);
    case way::throws:
      throw std::domain_error("as it was told");
    case way::hang:
      for (;;) ::pause();
  }
}

/// Goes that way where it is decoded, or encoded.
struct trap {
  way in_decode = way::none, in_encode = way::none;
  int value = 0;
};

}  // namespace ways_to_fail

using namespace ways_to_fail;

template <> struct tandem::codec<trap> {
  static constexpr std::size_t least_size = 1;
  static constexpr bool carries_descriptors = false;
  static void encode(writer& to, trap const& one) {
    go(one.in_encode);
    to.write_flat(one.in_decode);
    to.write_flat(one.value);
  }
  static trap decode(reader& from) {
    auto const how = from.read_flat<way>();
    go(how);
    trap one;
    one.value = from.read_flat<int>();
    return one;
  }
};

namespace {

template <class Pool>
future<trap> submit(Pool& workers, moment where, way how, int value, tandem::task_options options) {
  trap argument;
  argument.value = value;
  if (where == moment::argument) argument.in_decode = how;
  return workers.submit(
      options,
      [where, how](trap one) {
        if (where == moment::running) go(how);
        if (where == moment::result) one.in_encode = how;
        return one;
      },
      argument);
}

bool is_end_of(tandem::failure const& why, way how) {
  switch (how) {
    case way::abort:
      return why.signal() == SIGABRT;
    case way::kill:
      return why.signal() == SIGKILL && !why.timed_out();
    case way::quit:
      return why.how() == tandem::ending::exited && why.exit_code() == 7;
    case way::leave:
      return why.how() == tandem::ending::exited && why.exit_code() == 8;
    case way::throws:
      return why.how() == tandem::ending::threw && why.what() == "as it was told";
    case way::hang:
      return why.timed_out();
    default:
      return false;
  }
}

}  // namespace

TEST_CASE("pool: every way to fail, at every moment", "[crew][pool][death]") {
  auto const width = GENERATE(1, 2, 5, 13);
  pool<process> workers(width);
  for (way const how : {way::abort, way::kill, way::quit, way::leave, way::throws, way::hang})
    for (moment const where : {moment::argument, moment::running, moment::result}) {
      tandem::task_options options;
      if (how == way::hang) options.timeout = 30ms;
      std::vector<future<trap>> all;
      int const bad = width / 2;
      for (int i = 0; i < width + 3; ++i)
        all.push_back(
            submit(workers, where, i == bad ? how : way::none, i, i == bad ? options : tandem::task_options{}));
      for (int i = 0; i < width + 3; ++i) {
        auto const outcome = all[static_cast<std::size_t>(i)].get_outcome();
        INFO("width " << width << ", way " << static_cast<int>(how) << ", moment " << static_cast<int>(where)
                      << ", task " << i << (outcome ? "" : ": " + outcome.error().to_string()));
        if (i == bad)
          CHECK((!outcome && is_end_of(outcome.error(), how)));
        else
          CHECK((outcome && outcome->value == i));
      }
    }
}

TEST_CASE("pool: what a thread's task throws, in pools of several widths", "[crew][pool]") {
  auto const width = GENERATE(1, 2, 5, 13);
  pool<thread> workers(width);
  std::vector<future<trap>> all;
  for (int i = 0; i < width + 3; ++i)
    all.push_back(submit(workers, moment::running, i == width / 2 ? way::throws : way::none, i, {}));
  for (int i = 0; i < width + 3; ++i) {
    auto const outcome = all[static_cast<std::size_t>(i)].get_outcome();
    if (i == width / 2)
      CHECK((!outcome && is_end_of(outcome.error(), way::throws)));
    else
      CHECK((outcome && outcome->value == i));
  }
}

TEST_CASE("pool: workers killed while they have nothing to do, and while it shuts down", "[crew][pool][death]") {
  auto const width = GENERATE(1, 2, 5, 13);
  for (int round = 0; round < 3; ++round) {
    pool<process> workers(width);
    shared<std::atomic<int>> met(0);
    std::vector<future<pid_t>> all;
    for (int i = 0; i < width; ++i)  // each waits for the others, so that each worker has one
      all.push_back(workers.submit([met, width] {
        ++*met;
        while (*met < width) std::this_thread::yield();
        return tandem::this_unit::get_id().process;
      }));
    std::vector<pid_t> pids;
    for (auto& one : all) pids.push_back(one.get());
    for (pid_t const one : pids) CHECK(::kill(one, SIGKILL) == 0);
    std::vector<future<int>> after;
    for (int i = 0; i < 2 * width; ++i) after.push_back(workers.submit([](int k) { return k; }, i));
    std::jthread ends([&] {
      if (round == 1) workers.shutdown();
    });
    for (int i = 0; i < 2 * width; ++i) CHECK(after[static_cast<std::size_t>(i)].get_outcome() == i);
  }
}

TEST_CASE("pool: workers killed from outside at random; each task ends once", "[crew][pool][kill]") {
  pool<process> workers(3);
  shared<std::atomic<pid_t>[]> pids(64);
  std::atomic<bool> over{false};
  std::atomic<long> kills{0};
  std::thread killer([&, seed = test_seed()]() mutable {
    while (!over) {
      seed = seed * 6364136223846793005U + 1442695040888963407U;
      pid_t const victim = pids[seed >> 58].exchange(0);
      if (victim != 0 && ::kill(victim, SIGKILL) == 0) ++kills;
      std::this_thread::sleep_for(std::chrono::microseconds(seed >> 32 & 4095));
    }
  });
  long const least = repetitions(sanitized ? 60 : 300, 100'000);
  long values = 0, deaths = 0, other = 0, total = 0;
  while (kills < least) {
    std::vector<future<std::string>> all;
    for (int i = 0; i < 200; ++i)
      all.push_back(workers.submit(
          [pids](std::string text, int number) {
            pids[static_cast<std::size_t>(number) % 64] = tandem::this_unit::get_id().process;
            return text + std::to_string(number);
          },
          std::string(100, 'x'), i));
    for (int i = 0; i < 200; ++i) {
      auto const outcome = all[static_cast<std::size_t>(i)].get_outcome();
      ++total;
      if (outcome && *outcome == std::string(100, 'x') + std::to_string(i))
        ++values;
      else if (!outcome && outcome.error().signal() == SIGKILL)
        ++deaths;
      else
        ++other;
    }
  }
  over = true;
  killer.join();
  CHECK(other == 0);
  CHECK(values + deaths == total);
  CHECK(deaths <= kills);
}
