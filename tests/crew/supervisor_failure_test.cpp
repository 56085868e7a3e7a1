// SPDX-License-Identifier: BSL-1.0
// Children that fail, cannot be started, are hung, or do not stop.
#include "tandem/crew/supervisor.hpp"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <stdexcept>
#include <thread>

#include "crew/supervisors.hpp"
#include "support/build_kind.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/error_of.hpp"
#include "support/syscall_fault.hpp"
#include "tandem/core.hpp"
#include "tandem/crew/this_child.hpp"
#include "tandem/memory/shared.hpp"
#include "tandem/resource/pipe.hpp"

using namespace std::chrono_literals;
using namespace tandem_test;
using tandem::child_state, tandem::mode, tandem::process, tandem::restart, tandem::shared, tandem::stop_token,
    tandem::strategy, tandem::supervisor, tandem::supervisor_event, tandem::supervisor_gave_up, tandem::supervisor_log,
    tandem::thread;

// ---- backoff

TEST_CASE("supervisor: a child that waits for its backoff holds up nobody, and a stop does not wait for it",
          "[crew][supervisor][backoff]") {
  auto const how = GENERATE(mode::thread, mode::process);
  supervisor_log log;
  supervisor crew(how, {.intensity = 5});
  crew.on_event(log);
  counter const gate(0);
  crew.add({.name = "slow", .backoff = {.first = 24h, .most = 48h}}, fails);
  crew.add({.name = "quick"}, [gate](stop_token const& stop) {
    while (*gate == 0 && !stop.wait_for(1ms)) {}
    if (gate->exchange(0) == 1) throw std::domain_error("no");
  });
  crew.start();
  await_state(crew, "slow", child_state::waiting);
  *gate = 1;
  await(log, "quick restarted");
  CHECK(state_of(crew, "slow") == child_state::waiting);
  crew.add({.name = "later"}, lives_on);
  await(log, "later started");
  SECTION("unless it is started by hand") {
    CHECK(crew.restart("slow"));
    CHECK(take(log, 1) == words{"slow restarted"});
  }
  crew.stop();
  CHECK(state_of(crew, "slow") == child_state::stopped);
}

TEST_CASE("supervisor: a group waits for the backoff of the child that failed", "[crew][supervisor][backoff]") {
  auto const how = GENERATE(mode::thread, mode::process);
  supervisor_log log;
  supervisor crew(how, {.strategy = strategy::one_for_all});
  crew.on_event(log);
  crew.add({.name = "a"}, lives_on);
  crew.add({.name = "b", .backoff = {.first = 24h, .most = 48h}}, fails);
  crew.start();
  CHECK(take(log, 4) == words{"a started", "b started", "b died", "a stopped"});
  await_state(crew, "a", child_state::waiting);
  crew.stop();  // in the middle of a restart
  CHECK(take_rest(log).empty());
}

// ---- starts that fail

namespace {

/// Cannot be copied for its first starts.
struct shy {
  explicit shy(counter const& refusals) : left(refusals) {}
  shy(shy const& other) : left(other.left) {
    if (*left > 0 && (*left)-- > 0) throw std::runtime_error("not yet");
  }
  counter left;
  void operator()(stop_token const& stop) const { stop.wait(); }
};

}  // namespace

TEST_CASE("supervisor: a start that fails is a failure, and tried again", "[crew][supervisor][start]") {
  auto const how = GENERATE(mode::thread, mode::process);
  auto const by = GENERATE(strategy::one_for_one, strategy::one_for_all, strategy::rest_for_one);
  counter const refusals(0);
  supervisor_log log;
  supervisor crew(how, {.strategy = by, .intensity = 3});
  crew.on_event(log);
  crew.add({.name = "a"}, lives_on);
  crew.add({.name = "b"}, shy(refusals));
  crew.add({.name = "c"}, lives_on);
  *refusals = 2;
  crew.start();
  auto const once =
      by == strategy::one_for_all ? words{"b not started", "a stopped", "a restarted"} : words{"b not started"};
  words expected{"a started"};
  for (int i = 0; i < 2; ++i) expected.insert(expected.end(), once.begin(), once.end());
  expected.insert(expected.end(), {"b restarted", "c started"});
  CHECK(take_rest(log) == expected);
}

TEST_CASE("supervisor: starts that fail too often end it, and those that are temporary are forgotten",
          "[crew][supervisor][start]") {
  auto const how = GENERATE(mode::thread, mode::process);
  counter const refusals(0);
  supervisor_log log;
  supervisor crew(how, {.intensity = 3});
  crew.on_event(log);
  crew.add({.name = "a"}, lives_on);
  SECTION("too often") {
    crew.add({.name = "b"}, shy(refusals));
    *refusals = 1000;
    CHECK_THROWS_WITH(crew.start(), ContainsSubstring("the last failure: 'b' threw std::runtime_error: not yet"));
    CHECK(take_rest(log) == words{"a started", "b not started", "b not started", "b not started", "b not started",
                                  "b gave up", "a stopped"});
  }
  SECTION("temporary") {
    crew.add({.name = "b", .restart = restart::temporary}, shy(refusals));
    *refusals = 1;
    crew.start();
    CHECK(take_rest(log) == words{"a started", "b not started"});
    CHECK(crew.children().size() == 1);
  }
}

TEST_CASE("supervisor: where the system has no room for a child", "[crew][supervisor][start][errors]") {
  auto const how = GENERATE(mode::thread, mode::process);
  auto const end = run_with_fault({{SYS_clone, EAGAIN}, {SYS_clone3, EAGAIN}}, [how] {
    supervisor crew(how, {.intensity = 2});
    crew.add({.name = "a"}, lives_on);
    try {
      crew.run();
      FAIL("it ran");
    } catch (supervisor_gave_up const& error) {
      CHECK(error.failures().size() == 3);
      for (auto const& one : error.failures()) CHECK(error_of([&] { one.rethrow(); }) == EAGAIN);
    }
  });
  INFO(end.to_string());
  CHECK(end.passed());
}

TEST_CASE("supervisor: where there is no thread for it", "[crew][supervisor][errors]") {
  auto const end = run_with_fault({{SYS_clone, EAGAIN}, {SYS_clone3, EAGAIN}}, [] {
    supervisor<thread> crew;
    crew.add({.name = "a"}, lives_on);
    CHECK(error_of([&] { crew.start(); }) == EAGAIN);
    crew.wait();
    CHECK(state_of(crew, "a") == child_state::waiting);
  });
  INFO(end.to_string());
  CHECK(end.passed());
}

TEST_CASE("supervisor: where there is no thread to hear of a stop", "[crew][supervisor][errors]") {
  tandem::stop_source const asked;
  process([asked] {}).join().value();  // since then a request may come from another process
  auto const end = run_with_fault({{SYS_clone, EAGAIN}, {SYS_clone3, EAGAIN}}, [&] {
    supervisor<thread> crew;
    crew.add({.name = "a"}, lives_on);
    CHECK(error_of([&] { crew.run(asked.get_token()); }) == EAGAIN);
    crew.stop();
    CHECK(state_of(crew, "a") == child_state::waiting);
  });
  INFO(end.to_string());
  CHECK(end.passed());
}

TEST_CASE("supervisor: waits that no clock can count", "[crew][supervisor][backoff]") {
  supervisor<thread> crew{{.intensity = 5}};
  auto const for_ever = std::chrono::nanoseconds::max();
  crew.add({.name = "a", .heartbeat = for_ever, .backoff = {.first = for_ever, .most = for_ever}}, fails);
  crew.add({.name = "b", .restart = restart::transient, .shutdown = for_ever, .ready = for_ever},
           [] { tandem::this_child::ready(); });
  crew.start();
  await_state(crew, "a", child_state::waiting);
  await_state(crew, "b", child_state::ended);
}

TEST_CASE("supervisor: where there is no descriptor", "[crew][supervisor][errors]") {
  if (address_sanitized) return;  // with it comes UBSan, which needs a pipe to look at an exception
  auto const end = run_in_child([] {
    rlimit few{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &few) == 0);
    few.rlim_cur = 0;
    {
      supervisor<thread> crew{{.intensity = 1}};
      crew.add({.name = "a"}, lives_on);
      REQUIRE(::setrlimit(RLIMIT_NOFILE, &few) == 0);
      try {
        crew.run();  // nothing tells when the child has ended: it is told to stop, and joined
        FAIL("it ran");
      } catch (supervisor_gave_up const& error) {
        CHECK(error_of([&] { error.failures()[0].rethrow(); }) == EMFILE);
      }
    }
    CHECK(error_of([] { supervisor<thread> crew; }) == EMFILE);
  });
  INFO(end.to_string());
  CHECK(end.passed());
}

// ---- heartbeats

TEST_CASE("supervisor: a hung child is told of, ended, and started again", "[crew][supervisor][heartbeat]") {
  auto const how = GENERATE(mode::thread, mode::process);
  supervisor_log log;
  supervisor crew(how);
  crew.on_event(log);
  counter const lives(0);
  crew.add({.name = "a", .heartbeat = 50ms}, [lives](stop_token const& stop) {
    bool const hangs = (*lives)++ == 0;
    while (!stop.wait_for(hangs ? 1h : 1ms)) tandem::this_child::beat();
  });
  crew.start();
  auto const all = take(log, 4);
  CHECK(all == words{"a started", "a hung", "a died", "a restarted"});
  auto const last = crew.children()[0].last;
  REQUIRE(last);
  CHECK((how == mode::process ? last->signal() == SIGKILL : last->how() == tandem::ending::lost));
}

TEST_CASE("supervisor: one that beats is not hung, nor one that need not", "[crew][supervisor][heartbeat]") {
  auto const how = GENERATE(mode::thread, mode::process);
  supervisor_log log;
  supervisor crew(how);
  crew.on_event(log);
  counter const over(0);
  crew.add({.name = "beats", .restart = restart::transient, .heartbeat = 1s}, [over](stop_token const& stop) {
    for (int i = 0; i < 300 && !stop.wait_for(5ms); ++i) tandem::this_child::beat();  // longer than one heartbeat
    *over = 1;
  });
  crew.add({.name = "need not", .restart = restart::transient}, [over](stop_token const& stop) {
    while (*over == 0 && !stop.wait_for(1ms)) {}
  });
  crew.run();
  auto all = take_rest(log);
  std::sort(all.begin(), all.end());
  CHECK(all == words{"beats ended", "beats started", "need not ended", "need not started"});
}

TEST_CASE("supervisor: a hung thread is not replaced as long as it is there", "[crew][supervisor][heartbeat]") {
  supervisor_log log;
  supervisor<thread> crew;
  crew.on_event(log);
  std::atomic<int> lives{0}, gate{0};
  crew.add({.name = "a", .heartbeat = 20ms}, [&](stop_token const& stop) {
    if (lives++ != 0) return static_cast<void>(stop.wait());
    while (gate == 0) std::this_thread::sleep_for(1ms);  // deaf
  });
  crew.add({.name = "b", .restart = restart::temporary}, [] {});
  crew.start();
  await(log, "a hung");
  CHECK(state_of(crew, "a") == child_state::hung);
  CHECK(lives == 1);
  gate = 1;
  await(log, "a restarted");
}

TEST_CASE("supervisor: a process beats from any of its threads", "[crew][supervisor][heartbeat]") {
  if (thread_sanitized) return;  // it has no threads in a fork of a program with threads
  supervisor_log log;
  supervisor<process> crew;
  crew.on_event(log);
  crew.add({.name = "a", .restart = restart::transient, .heartbeat = 1s}, [](stop_token const& stop) {
    std::jthread const other([&](std::stop_token const& end) {
      while (!end.stop_requested()) {
        tandem::this_child::beat();
        std::this_thread::sleep_for(5ms);
      }
    });
    stop.wait_for(1500ms);
  });
  crew.run();
  CHECK(take_rest(log) == words{"a started", "a ended"});
}

// ---- children that do not stop

TEST_CASE("supervisor: a process that does not stop is killed", "[crew][supervisor][shutdown]") {
  auto const time = GENERATE(0ms, 30ms);
  supervisor_log log;
  supervisor<process> crew;
  crew.on_event(log);
  counter const begun(0);
  crew.add({.name = "a", .shutdown = time}, [begun] {
    *begun = 1;
    for (;;) ::pause();
  });
  crew.start();
  while (*begun == 0) std::this_thread::yield();
  crew.stop();
  CHECK(take(log, 2) == words{"a started", "a overdue"});
  auto const stopped = await(log, "a stopped");
  REQUIRE(stopped.why);
  CHECK(stopped.why->signal() == SIGKILL);
}

TEST_CASE("supervisor: a thread that does not stop is told of, and waited for", "[crew][supervisor][shutdown]") {
  supervisor_log log;
  std::atomic<bool> told{false};
  supervisor<thread> crew;
  crew.on_event(log);
  crew.on_event([&](supervisor_event const& one) {
    if (brief_words(one) == "a overdue") told = true;
  });
  crew.add({.name = "a", .shutdown = 1ms}, [&] {
    while (!told) std::this_thread::sleep_for(1ms);
  });
  crew.add({.name = "b", .shutdown = std::chrono::nanoseconds::max()}, lives_on);
  crew.start();
  crew.stop();
  CHECK(take_rest(log) == words{"a started", "b started", "b stopped", "a overdue", "a stopped"});
}
