// SPDX-License-Identifier: BSL-1.0
// Children that are killed at random, while others are added, removed, restarted and asked for.
#include <dirent.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <random>
#include <set>
#include <string>
#include <thread>

#include "crew/supervisors.hpp"
#include "support/build_kind.hpp"
#include "support/catch.hpp"
#include "support/seed.hpp"
#include "tandem/core.hpp"
#include "tandem/crew/supervisor.hpp"
#include "tandem/memory/shared.hpp"

using namespace std::chrono_literals;
using namespace tandem_test;
using tandem::child_state, tandem::shared, tandem::stop_token, tandem::strategy, tandem::supervisor,
    tandem::supervisor_log;

namespace {

int open_descriptors() {
  int count = 0;
  auto* const folder = ::opendir("/proc/self/fd");
  while (::readdir(folder) != nullptr) ++count;
  ::closedir(folder);
  return count;
}

/// How many of them run.
std::size_t running(auto const& crew) {
  std::size_t count = 0;
  for (auto const& one : crew.children())
    if (one.state == child_state::running && one.id != tandem::unit_id{} && ::kill(one.id.process, 0) == 0) ++count;
  return count;
}

/// Kills until `deaths` have been seen: how many kills that took.
long kill_at_random(auto const& crew, supervisor_log const& log, long deaths) {
  std::mt19937_64 dice(test_seed());
  long kills = 0;
  for (long seen = 0; seen < deaths;) {
    auto const all = crew.children();
    if (!all.empty()) {
      auto const& victim = all[dice() % all.size()];
      // It is the supervisor's child, and so no stranger until it has been reaped.
      if (victim.id.process != 0 && ::kill(victim.id.process, SIGKILL) == 0) ++kills;
    }
    std::this_thread::sleep_for(std::chrono::microseconds(dice() % 2000));
    while (auto const one = log.try_next())
      if (one->what == tandem::supervisor_event::kind::died) ++seen;
    if (crew.children().empty()) return kills;
  }
  return kills;
}

}  // namespace

TEST_CASE("supervisor: children killed at random all run in the end", "[crew][supervisor][kill]") {
  auto const by = GENERATE(strategy::one_for_one, strategy::one_for_all, strategy::rest_for_one);
  INFO("TANDEM_TEST_SEED=" << test_seed());
  supervisor_log log;
  supervisor<tandem::process> crew{{.strategy = by, .intensity = 1'000'000'000}};
  crew.on_event(log);
  for (int i = 0; i < 5; ++i) crew.add({.name = std::to_string(i)}, lives_on);
  crew.start();
  int const before = open_descriptors();
  long const kills = kill_at_random(crew, log, repetitions(sanitized ? 30 : 80, 20'000));
  CHECK(kills > 0);
  while (running(crew) != 5) std::this_thread::yield();
  CHECK(open_descriptors() == before);
  std::set<pid_t> distinct;
  for (auto const& one : crew.children()) distinct.insert(one.id.process);
  CHECK(distinct.size() == 5);
}

TEST_CASE("supervisor: children killed at random that are temporary are gone in the end: the negative control",
          "[crew][supervisor][kill]") {
  INFO("TANDEM_TEST_SEED=" << test_seed());
  supervisor_log log;
  supervisor<tandem::process> crew;
  crew.on_event(log);
  for (int i = 0; i < 5; ++i) crew.add({.name = std::to_string(i), .restart = tandem::restart::temporary}, lives_on);
  crew.start();
  CHECK(kill_at_random(crew, log, 5) >= 5);
  crew.wait();
  CHECK(running(crew) == 0);
}

TEST_CASE("supervisor: kills while children come, go, and are restarted by hand", "[crew][supervisor][kill]") {
  INFO("TANDEM_TEST_SEED=" << test_seed());
  supervisor_log log;
  supervisor<tandem::process> crew{{.strategy = strategy::rest_for_one, .intensity = 1'000'000'000}};
  crew.on_event(log);
  for (int i = 0; i < 3; ++i) crew.add({.name = std::to_string(i)}, lives_on);
  crew.start();
  std::atomic<bool> over{false};
  {
    std::jthread const changes([&] {
      for (int i = 0; !over; ++i) {
        crew.add({.name = "more"}, lives_on);
        CHECK_NOTHROW(crew.restart(std::to_string(i % 3)));
        CHECK_NOTHROW(crew.stop("more"));
        CHECK_NOTHROW(crew.remove("more"));
      }
    });
    kill_at_random(crew, log, repetitions(sanitized ? 20 : 60, 5'000));
    over = true;
  }
  while (running(crew) != 3) std::this_thread::yield();
  CHECK(crew.children().size() == 3);
}

TEST_CASE("supervisor: stopped at any moment of a restart, nothing is left", "[crew][supervisor][kill]") {
  std::mt19937_64 dice(test_seed());
  INFO("TANDEM_TEST_SEED=" << test_seed());
  for (long round = repetitions(sanitized ? 10 : 60, 5'000); round > 0; --round) {
    supervisor<tandem::process> crew{{.strategy = strategy::one_for_all, .intensity = 1'000'000'000}};
    for (int i = 0; i < 3; ++i) crew.add({}, lives_on);
    crew.start();
    CHECK(::kill(crew.children()[dice() % 3].id.process, SIGKILL) == 0);
    std::this_thread::sleep_for(std::chrono::microseconds(dice() % 3000));
    crew.stop();
    for (auto const& one : crew.children()) CHECK(one.id == tandem::unit_id{});
  }
}
