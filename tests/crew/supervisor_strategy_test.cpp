// SPDX-License-Identifier: BSL-1.0
// Every strategy, every kind of child, every way to end, in both modes: what is stopped, what is started, and in which
// order.
#include <signal.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <string>
#include <thread>

#include "crew/supervisors.hpp"
#include "support/catch.hpp"
#include "tandem/core.hpp"
#include "tandem/crew/supervisor.hpp"
#include "tandem/memory/shared.hpp"

using namespace std::chrono_literals;
using namespace tandem_test;
using tandem::mode, tandem::restart, tandem::shared, tandem::strategy, tandem::supervisor, tandem::supervisor_log;

namespace {

/// Ends so in its first life; lives on in its others.
void ends_once(tandem::stop_token const& stop, counter const& lives, way how) {
  if ((*lives)++ == 0) return end_by(how);
  stop.wait();
}

/// What is to be seen when b, between a and c, ends.
words expected_of(strategy by, restart kind, bool normal) {
  words all{normal ? "b ended" : "b died"};
  bool const again = kind == restart::permanent || (kind == restart::transient && !normal);
  auto const add = [&](words const& more) { all.insert(all.end(), more.begin(), more.end()); };
  if (again && by == strategy::one_for_one) add({"b restarted"});
  if (again && by == strategy::one_for_all)
    add({"c stopped", "a stopped", "a restarted", "b restarted", "c restarted"});
  if (again && by == strategy::rest_for_one) add({"c stopped", "b restarted", "c restarted"});
  return all;
}

}  // namespace

TEST_CASE("supervisor: who is started again", "[crew][supervisor][strategy]") {
  auto const how = GENERATE(mode::thread, mode::process);
  auto const by = GENERATE(strategy::one_for_one, strategy::one_for_all, strategy::rest_for_one);
  auto const kind = GENERATE(restart::permanent, restart::transient, restart::temporary);
  for (auto const end : {way::returns, way::throws, way::exits_0, way::exits_7, way::aborts, way::is_killed}) {
    if (how == mode::thread && end != way::returns && end != way::throws) continue;  // of a program, not of a thread
    CAPTURE(static_cast<int>(how), static_cast<int>(by), static_cast<int>(kind), static_cast<int>(end));
    supervisor_log log;
    supervisor crew(how, {.strategy = by});
    crew.on_event(log);
    counter const lives(0);
    crew.add({.name = "a"}, lives_on);
    crew.add({.name = "b", .restart = kind}, ends_once, lives, end);
    crew.add({.name = "c"}, lives_on);
    crew.start();
    CHECK(take(log, 3) == words{"a started", "b started", "c started"});
    bool const normal = end == way::returns || end == way::exits_0;
    auto const expected = expected_of(by, kind, normal);
    CHECK(take(log, expected.size()) == expected);
    bool const goes_on = expected.size() > 1;
    crew.stop();
    CHECK(*lives == (goes_on ? 2 : 1));
    CHECK(crew.children().size() == (kind == restart::temporary ? 2 : 3));
    CHECK(take_rest(log) == (goes_on ? words{"c stopped", "b stopped", "a stopped"} : words{"c stopped", "a stopped"}));
  }
}

TEST_CASE("supervisor: a child killed from outside is started again, whatever the strategy",
          "[crew][supervisor][strategy][death]") {
  auto const by = GENERATE(strategy::one_for_one, strategy::one_for_all, strategy::rest_for_one);
  std::string const victim = GENERATE("a", "b", "c");
  CAPTURE(static_cast<int>(by), victim);
  supervisor_log log;
  supervisor<tandem::process> crew{{.strategy = by}};
  crew.on_event(log);
  for (auto const* name : {"a", "b", "c"}) crew.add({.name = name}, lives_on);
  crew.start();
  for (auto const& one : crew.children())
    if (one.name == victim) CHECK(::kill(one.id.process, SIGKILL) == 0);
  auto const died = await(log, victim + " died");
  REQUIRE(died.why);
  CHECK(died.why->signal() == SIGKILL);
  words expected;
  if (by == strategy::one_for_all) {
    for (auto const* name : {"c", "b", "a"})
      if (name != victim) expected.push_back(name + std::string(" stopped"));
    for (auto const* name : {"a", "b", "c"}) expected.push_back(name + std::string(" restarted"));
  } else if (by == strategy::rest_for_one) {
    for (auto const* name : {"c", "b"})
      if (name > victim) expected.push_back(name + std::string(" stopped"));
    for (auto const* name : {"a", "b", "c"})
      if (name >= victim) expected.push_back(name + std::string(" restarted"));
  } else {
    expected.push_back(victim + " restarted");
  }
  CHECK(take(log, expected.size()) == expected);
  for (auto const& one : crew.children()) {
    CHECK(one.state == tandem::child_state::running);
    if (one.name == victim) CHECK((one.restarts == 1 && one.last && one.last->signal() == SIGKILL));
  }
}

TEST_CASE("supervisor: a group's temporary child is stopped for good, its transient one that had ended starts again",
          "[crew][supervisor][strategy]") {
  auto const how = GENERATE(mode::thread, mode::process);
  supervisor_log log;
  supervisor crew(how, {.strategy = strategy::one_for_all});
  crew.on_event(log);
  counter const lives(0), gate(0);
  crew.add({.name = "transient", .restart = restart::transient}, ends_once, lives, way::returns);
  crew.add({.name = "temporary", .restart = restart::temporary}, lives_on);
  crew.add({.name = "fails"}, [gate](tandem::stop_token const& stop) {
    while (*gate == 0 && !stop.wait_for(1ms)) {}
    if (gate->exchange(0) == 1) throw std::domain_error("no");
  });
  crew.start();
  await(log, "transient ended");
  CHECK(crew.children()[0].state == tandem::child_state::ended);
  take_rest(log);
  *gate = 1;
  CHECK(take(log, 4) == words{"fails died", "temporary stopped", "transient restarted", "fails restarted"});
  CHECK(crew.children().size() == 2);
}

TEST_CASE("supervisor: failures that are too many end it, and all its children", "[crew][supervisor][intensity]") {
  auto const how = GENERATE(mode::thread, mode::process);
  auto const by = GENERATE(strategy::one_for_one, strategy::one_for_all, strategy::rest_for_one);
  std::uint64_t const intensity = GENERATE(0U, 1U, 4U);
  CAPTURE(static_cast<int>(how), static_cast<int>(by), intensity);
  supervisor_log log;
  supervisor crew(how, {.strategy = by, .intensity = intensity, .period = 1h});
  crew.on_event(log);
  counter const begun(0);
  crew.add({.name = "a"}, [begun](tandem::stop_token const& stop) {
    ++*begun;
    stop.wait();
  });
  crew.add({.name = "b"}, [begun] {
    while (*begun == 0) std::this_thread::yield();
    throw std::domain_error("no");
  });
  CHECK_THROWS_AS((crew.start(), crew.wait()), tandem::supervisor_gave_up);  // whichever comes later
  std::uint64_t deaths = 0;
  words last;
  for (auto const& one : take_rest(log)) {
    if (one == "b died") ++deaths;
    last.push_back(one);
  }
  CHECK(deaths == intensity + 1);
  REQUIRE(last.size() >= 3);
  CHECK(words(last.end() - 3, last.end()) == words{"b died", "b gave up", "a stopped"});
  CHECK_THROWS_AS(crew.wait(), tandem::supervisor_gave_up);  // and again
  crew.stop();
  for (auto const& one : crew.children()) CHECK(one.id == tandem::unit_id{});
}

TEST_CASE("supervisor: failures of all children count together", "[crew][supervisor][intensity]") {
  supervisor<tandem::thread> crew{{.intensity = 3, .period = 1h}};
  for (int i = 0; i < 4; ++i) crew.add({}, ends_once, counter(0), way::throws);
  CHECK_THROWS_AS(crew.run(), tandem::supervisor_gave_up);
}
