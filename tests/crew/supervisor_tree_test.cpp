// SPDX-License-Identifier: BSL-1.0
// Supervisors in the children of supervisors.
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <string>
#include <thread>

#include "crew/supervisors.hpp"
#include "support/build_kind.hpp"
#include "support/catch.hpp"
#include "tandem/core.hpp"
#include "tandem/crew/supervisor.hpp"
#include "tandem/crew/this_child.hpp"
#include "tandem/memory/shared.hpp"
#include "tandem/memory/shared_array.hpp"

using namespace std::chrono_literals;
using namespace tandem_test;
using tandem::mode, tandem::restart, tandem::shared, tandem::stop_token, tandem::supervisor, tandem::supervisor_log;

namespace {

using pids = shared<std::atomic<pid_t>[]>;

bool is_gone(pid_t one) { return ::kill(one, 0) != 0 && errno == ESRCH; }

/// A supervisor with two workers, which write down who they are, and who ends when.
void branch(stop_token const& stop, mode how, pids const& who, counter const& ends) {
  supervisor within(how, {.name = "branch"});
  for (std::size_t i = 0; i < 2; ++i)
    within.add({}, [who, ends, i](stop_token const& until) {
      who[i] = ::getpid();
      until.wait();
      *ends = *ends * 10 + static_cast<int>(i) + 1;
    });
  within.run(stop);
  *ends = *ends * 10 + 3;
}

}  // namespace

TEST_CASE("supervisor: a tree stops from its leaves to its root, the last one first", "[crew][supervisor][tree]") {
  auto const outer = GENERATE(mode::thread, mode::process);
  if (thread_sanitized && outer == mode::process) return;  // it has no threads in a fork of a program with threads
  auto const inner = GENERATE(mode::thread, mode::process);
  CAPTURE(static_cast<int>(outer), static_cast<int>(inner));
  pids const who(2);
  counter const ends(0);
  supervisor_log log;
  supervisor crew(outer);
  crew.on_event(log);
  crew.add({.name = "branch", .shutdown = std::chrono::nanoseconds::max(), .ready = 1h}, branch, inner, who, ends);
  crew.add({.name = "leaf"}, [ends](stop_token const& stop) {
    stop.wait();
    *ends = 9;
  });
  crew.start();
  CHECK(take_rest(log) == words{"branch started", "branch ready", "leaf started"});
  for (std::size_t i = 0; i < 2; ++i)
    while (who[i] == 0) std::this_thread::yield();
  crew.stop();
  CHECK(*ends == 9213);
}

TEST_CASE("supervisor: that one has given up is a failure of its parent's child", "[crew][supervisor][tree]") {
  auto const outer = GENERATE(mode::thread, mode::process);
  if (thread_sanitized && outer == mode::process) return;  // it has no threads in a fork of a program with threads
  auto const inner = GENERATE(mode::thread, mode::process);
  CAPTURE(static_cast<int>(outer), static_cast<int>(inner));
  counter const deaths(0);
  supervisor_log log;
  supervisor crew(outer);
  crew.on_event(log);
  crew.add({.name = "branch"}, [inner, deaths](stop_token const& stop) {
    supervisor within(inner, {.name = "within", .intensity = 2});
    within.add({.name = "leaf"}, [deaths](stop_token const& until) {
      if ((*deaths)++ < 3) throw std::domain_error("no");  // once more than it bears
      until.wait();
    });
    within.run(stop);
  });
  crew.start();
  auto const died = await(log, "branch died");
  REQUIRE(died.why);
  CHECK(died.why->type() == "tandem::supervisor_gave_up");
  CHECK_THAT(died.why->what(), StartsWith("tandem: supervisor 'within' gave up: more than 2 restarts"));
  await(log, "branch restarted");
  while (*deaths < 4) std::this_thread::yield();
}

TEST_CASE("supervisor: a branch that is killed takes its children along, and all grow again",
          "[crew][supervisor][tree][death]") {
  if (thread_sanitized) return;  // it has no threads in a fork of a program with threads
  pids const who(2);
  counter const ends(0);
  supervisor_log log;
  supervisor<tandem::process> crew;
  crew.on_event(log);
  crew.add({.name = "branch"}, branch, mode::process, who, ends);
  crew.start();
  pid_t before[2];
  for (std::size_t i = 0; i < 2; ++i) {
    while (who[i] == 0) std::this_thread::yield();
    before[i] = who[i].exchange(0);
  }
  CHECK(::kill(crew.children()[0].id.process, SIGKILL) == 0);
  await(log, "branch restarted");
  for (std::size_t i = 0; i < 2; ++i) {
    while (who[i] == 0) std::this_thread::yield();
    while (!is_gone(before[i])) std::this_thread::sleep_for(1ms);
  }
  CHECK(*ends == 0);  // none of them ended in order
}

TEST_CASE("supervisor: a supervisor that runs in a child beats for it", "[crew][supervisor][tree]") {
  auto const outer = GENERATE(mode::thread, mode::process);
  if (thread_sanitized && outer == mode::process) return;  // it has no threads in a fork of a program with threads
  auto const inner = outer;
  supervisor_log log;
  supervisor crew(outer);
  crew.on_event(log);
  counter const over(0);
  // Longer than a heartbeat: while it runs, and while it waits for a child to stop.
  crew.add({.name = "branch", .restart = restart::temporary, .heartbeat = 1s}, [inner, over] {
    supervisor within(inner);
    within.add({.restart = restart::transient}, [](stop_token const& stop) {
      stop.wait_for(1300ms);
      if (stop.stop_requested()) std::this_thread::sleep_for(1300ms);
    });
    tandem::stop_source enough;
    within.add({.restart = restart::transient}, [enough](stop_token const& stop) {
      stop.wait_for(1200ms);
      enough.request_stop();
    });
    within.run(enough.get_token());
    *over = 1;
  });
  crew.run();
  CHECK(take_rest(log) == words{"branch started", "branch ended"});
  CHECK(*over == 1);
}

TEST_CASE("supervisor: one that runs in a thread of its own does not beat for its child", "[crew][supervisor][tree]") {
  if (thread_sanitized) return;  // it has no threads in a fork of a program with threads
  supervisor_log log;
  supervisor<tandem::process> crew;
  crew.on_event(log);
  crew.add({.name = "branch", .restart = restart::temporary, .heartbeat = 50ms}, [] {
    supervisor<tandem::thread> within;
    within.add({}, [](stop_token const& stop) { stop.wait(); });
    within.start();
    for (;;) ::pause();
  });
  crew.run();
  CHECK(take_rest(log) == words{"branch started", "branch hung", "branch died"});
}
