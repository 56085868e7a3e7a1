// SPDX-License-Identifier: BSL-1.0
// Proof R5: a parent killed at random moments over a tree of processes three deep leaves nobody.
#include "tandem/execution/process.hpp"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <random>
#include <thread>
#include <vector>

#include "execution/last_holder.hpp"
#include "execution/starts.hpp"
#include "support/build_kind.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/seed.hpp"
#include "support/watchdog.hpp"
#include "tandem/resource/pipe.hpp"

using namespace std::chrono_literals;
using clock_type = std::chrono::steady_clock;
using tandem_test::by, tandem_test::child_process, tandem_test::last_holder, tandem_test::start_method;

namespace {

using counter = tandem::shared<std::atomic<int>>;

constexpr int generations = 3;
constexpr int members = 2 + 4 + 8;

/// Starts `depth` generations of two each below, and stays.
void grow_tree(int depth, by how, counter there, tandem::fd held) {
  ++*there;
  if (depth > 0) {
    start_method start(how);
    tandem::process a{{.start = start}, &grow_tree, depth - 1, how, there, held.dup()};
    tandem::process b{{.start = start}, &grow_tree, depth - 1, how, there, held.dup()};
    a.join();
    b.join();
  }
  for (;;) ::pause();
}

struct deaths {
  std::vector<std::chrono::microseconds> took;

  std::chrono::microseconds at(double part) {
    std::sort(took.begin(), took.end());
    return took[static_cast<std::size_t>(part * static_cast<double>(took.size() - 1))];
  }
};

}  // namespace

TEST_CASE("process: a parent killed at any moment takes a tree three deep with it",
          "[execution][process][kill][start]") {
  auto const how = GENERATE(by::fork, by::zygote, by::spare, by::exec);
  CAPTURE(how);
  long const kills = how == by::fork ? tandem_test::repetitions(24, 500) : tandem_test::repetitions(8, 500);
  if (tandem_test::soaking()) tandem_test::watchdog::allow(1h);
  std::mt19937_64 random(tandem_test::test_seed());
  INFO("TANDEM_TEST_SEED=" << tandem_test::test_seed());

  deaths all;
  long grown = 0;
  clock_type::duration full{0};  // how long a whole tree takes to grow_tree
  for (long i = 0; i < kills; ++i) {
    counter there(0);
    last_holder holders;
    auto const begun = clock_type::now();
    child_process parent([&] {
      auto held = holders.hold();
      grow_tree(generations, how, there, std::move(held));
    });
    if (i % 8 == 0) {
      while (there->load() < 1 + members) std::this_thread::yield();
      full = clock_type::now() - begun;
    } else {
      while (there->load() == 0) std::this_thread::yield();
      auto const until = begun + std::chrono::nanoseconds(std::uniform_int_distribution<std::int64_t>(
                                     0, std::chrono::nanoseconds(full).count() * 5 / 4)(random));
      while (clock_type::now() < until) std::this_thread::yield();
    }
    grown += there->load() == 1 + members;
    auto const killed = clock_type::now();
    REQUIRE(parent.kill().signal == SIGKILL);
    bool const gone = holders.gone(1s);
    all.took.push_back(std::chrono::duration_cast<std::chrono::microseconds>(clock_type::now() - killed));
    REQUIRE((gone || holders.gone()));
    if (!tandem_test::sanitized) CHECK(gone);
  }
  std::printf(
      "R5, %ld kills, tree by %s, whole in %ld: last member gone after %ld us (median), %ld us (99%%), %ld us (most)\n",
      kills,
      how == by::fork     ? "fork"
      : how == by::zygote ? "zygote"
      : how == by::spare  ? "spare"
                          : "exec",
      grown, static_cast<long>(all.at(0.5).count()), static_cast<long>(all.at(0.99).count()),
      static_cast<long>(all.at(1).count()));
  CHECK(grown > 0);
}

TEST_CASE("process: outlives the thread that started it, and still dies with its parent",
          "[execution][process][start]") {
  auto const how = GENERATE(by::fork, by::zygote, by::spare, by::exec);
  CAPTURE(how);
  last_holder holders;
  counter asked(0), answered(0);
  child_process parent([&] {
    auto held = holders.hold();
    start_method start(how);
    tandem::process<void> worker;
    std::thread([&] {
      worker = tandem::process{{.start = start},
                               [asked, answered](tandem::fd) {
                                 for (int seen = 0;;) {
                                   if (asked->load() > seen) answered->store(++seen);
                                   std::this_thread::yield();
                                 }
                               },
                               std::move(held)};
    }).join();
    for (int i = 1; i <= 100; ++i) {  // the thread is gone
      ++*asked;
      while (answered->load() < i) std::this_thread::yield();
    }
    ++*asked;
    for (;;) ::pause();
  });
  while (answered->load() < 101) std::this_thread::yield();
  CHECK(holders.still_there());
  parent.kill();
  CHECK(holders.gone());
}

TEST_CASE("process: with die_with_parent false it survives its parent", "[execution][process][start]") {
  auto const how = GENERATE(by::fork, by::zygote, by::spare, by::exec);
  CAPTURE(how);
  last_holder holders;
  counter there(0), leave(0);
  child_process parent([&] {
    auto held = holders.hold();
    start_method start(how);
    tandem::process worker{{.start = start, .die_with_parent = false},
                           [there, leave](tandem::fd) {
                             pid_t const before = ::getppid();
                             ++*there;
                             while (::getppid() == before) std::this_thread::yield();
                             ++*there;
                             while (leave->load() == 0) std::this_thread::yield();
                           },
                           std::move(held)};
    for (;;) ::pause();
  });
  while (there->load() < 1) std::this_thread::yield();
  parent.kill();
  while (there->load() < 2) std::this_thread::yield();  // it lives, and has another parent
  CHECK(holders.still_there());
  leave->store(1);
  CHECK(holders.gone());
}
