// SPDX-License-Identifier: BSL-1.0
#include "tandem/crew/supervisor.hpp"

#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "crew/supervisors.hpp"
#include "support/build_kind.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/error_of.hpp"
#include "tandem/core.hpp"
#include "tandem/crew/this_child.hpp"
#include "tandem/execution/this_unit.hpp"
#include "tandem/execution/zygote.hpp"
#include "tandem/memory/shared.hpp"
#include "tandem/resource/pipe.hpp"

using namespace std::chrono_literals;
using namespace tandem_test;
using tandem::child_state, tandem::mode, tandem::process, tandem::restart, tandem::shared, tandem::stop_token,
    tandem::supervisor, tandem::supervisor_event, tandem::supervisor_gave_up, tandem::supervisor_log, tandem::thread;

static_assert(std::is_same_v<decltype(supervisor{mode::thread}), supervisor<tandem::unit>>);
static_assert(std::is_same_v<decltype(supervisor(mode::thread, {})), supervisor<tandem::unit>>);
static_assert(!std::is_copy_constructible_v<supervisor<thread>>);
static_assert(std::is_nothrow_move_constructible_v<supervisor<process>>);

TEMPLATE_TEST_CASE("supervisor: starts its children in order, and stops them in the opposite one", "[crew][supervisor]",
                   supervisor<thread>, supervisor<process>) {
  supervisor_log log;
  TestType crew;
  CHECK(crew.mode() == (std::is_same_v<TestType, supervisor<thread>> ? mode::thread : mode::process));
  crew.on_event(log);
  for (auto const* name : {"a", "b", "c"}) crew.add({.name = name}, lives_on);
  CHECK(state_of(crew, "b") == child_state::waiting);
  crew.start();
  CHECK(take_rest(log) == words{"a started", "b started", "c started"});
  auto const all = crew.children();
  REQUIRE(all.size() == 3);
  for (auto const& one : all) {
    CHECK(one.state == child_state::running);
    CHECK((one.id.number == 0) == (crew.mode() == mode::process));
    CHECK(one.restarts == 0);
  }
  crew.stop();
  CHECK(take_rest(log) == words{"c stopped", "b stopped", "a stopped"});
  CHECK(state_of(crew, "b") == child_state::stopped);
  crew.stop();
  crew.wait();
  SECTION("and may start again") {
    crew.start();
    CHECK(take_rest(log) == words{"a restarted", "b restarted", "c restarted"});
  }
}

TEST_CASE("supervisor: its destructor stops it", "[crew][supervisor]") {
  auto const how = GENERATE(mode::thread, mode::process);
  supervisor_log log;
  {
    supervisor crew(how);
    crew.on_event(log);
    crew.add({.name = "a"}, lives_on);
    crew.start();
    auto const moved = std::move(crew);
  }
  CHECK(take_rest(log) == words{"a started", "a stopped"});
}

TEST_CASE("supervisor: run returns when nothing is left to run", "[crew][supervisor]") {
  auto const how = GENERATE(mode::thread, mode::process);
  supervisor crew(how);
  crew.run();  // no children
  counter const done(0);
  for (int i = 0; i < 3; ++i) crew.add({.restart = restart::transient}, [done] { ++*done; });
  crew.add({.name = "gone", .restart = restart::temporary}, [done] { ++*done; });
  crew.run();
  CHECK(*done == 4);
  CHECK(crew.children().size() == 3);
  CHECK(crew.children()[0].state == child_state::ended);
}

TEST_CASE("supervisor: run ends at a stop", "[crew][supervisor]") {
  auto const how = GENERATE(mode::thread, mode::process);
  supervisor_log log;
  tandem::stop_source asked;
  supervisor crew(how);
  crew.on_event(log);
  crew.on_event([&](supervisor_event const& one) {
    if (brief_words(one) == "b started") asked.request_stop();
  });
  for (auto const* name : {"a", "b"}) crew.add({.name = name}, lives_on);
  crew.run(asked.get_token());
  CHECK(take_rest(log) == words{"a started", "b started", "b stopped", "a stopped"});
  crew.run(asked.get_token());  // requested already: nothing begins
  CHECK(take_rest(log).empty());
}

TEST_CASE("supervisor: a child may request the stop", "[crew][supervisor]") {
  auto const how = GENERATE(mode::thread, mode::process);
  supervisor_log log;
  tandem::stop_source const enough;
  supervisor crew(how);
  crew.on_event(log);
  crew.add({.name = "a"}, [enough](stop_token const& stop) {
    enough.request_stop();
    stop.wait();
  });
  crew.run(enough.get_token());
  CHECK(take(log, 1) == words{"a started"});
  auto const stopped = await(log, "a stopped");
  INFO(stopped.to_string());
  CHECK_FALSE(stopped.why);
}

TEST_CASE("supervisor: waiting for the end of its children", "[crew][supervisor]") {
  auto const how = GENERATE(mode::thread, mode::process);
  supervisor crew(how);
  crew.wait();  // it does not run
  counter const gate(0);
  crew.add({.restart = restart::transient}, [gate](stop_token const& stop) {
    while (*gate == 0 && !stop.wait_for(1ms)) {}
  });
  crew.start();
  CHECK_FALSE(crew.wait_for(1ms));
  CHECK_FALSE(crew.wait_until(std::chrono::steady_clock::now()));
  *gate = 1;
  crew.wait();
  CHECK(crew.wait_for(1h));
  crew.add({.name = "more", .restart = restart::transient}, lives_on);  // it runs still
  CHECK_FALSE(crew.wait_for(1ms));
}

TEST_CASE("supervisor: gives each start its own copies of function and arguments", "[crew][supervisor]") {
  auto const how = GENERATE(mode::thread, mode::process);
  supervisor_log log;
  supervisor crew(how);
  crew.on_event(log);
  counter const lives(0);
  tandem::pipe road;
  auto const work = [lives, calls = 0](stop_token const& stop, std::string text, tandem::fd const& to,
                                       std::string const& literal) mutable {
    bool const as_given = ++calls == 1 && text == "as it was given" && literal == "literal";
    text.clear();
    to.write(std::as_bytes(std::span(as_given ? "y" : "n", 1)));
    if ((*lives)++ == 0) throw std::domain_error("no");
    stop.wait();
  };
  crew.add({.name = "a"}, work, std::string("as it was given"), std::move(road.write_end), "literal");
  crew.start();
  await(log, "a restarted");
  char got[2] = {};
  for (char& one : got) CHECK(road.read_end.read(std::as_writable_bytes(std::span(&one, 1))) == 1);
  CHECK(std::string(got, 2) == "yy");
}

TEST_CASE("supervisor: threads may take what cannot cross, as members, and pointers", "[crew][supervisor]") {
  struct site {
    std::atomic<int> calls{0};
    void work(stop_token const&) { ++calls; }
    void plain() { ++calls; }
  } here;
  supervisor<thread> crew;
  crew.add({.restart = restart::temporary}, &site::work, &here, stop_token());
  crew.add({.restart = restart::temporary}, &site::plain, &here);
  crew.add(
      {.restart = restart::temporary}, [](site* at) { ++at->calls; }, &here);
  crew.run();
  CHECK(here.calls == 3);
}

TEST_CASE("supervisor: units have the children's names", "[crew][supervisor]") {
  auto const how = GENERATE(mode::thread, mode::process);
  supervisor crew(how);
  counter const right(0);
  crew.add({.name = "parser", .restart = restart::temporary},
           [right] { *right = tandem::this_unit::name() == "parser" ? 1 : 2; });
  crew.run();
  CHECK(*right == 1);
}

TEST_CASE("supervisor: children that come from a zygote", "[crew][supervisor]") {
  tandem::zygote z;
  supervisor_log log;
  supervisor<process> crew;
  crew.on_event(log);
  counter const lives(0);
  crew.add(
      {.name = "a", .heartbeat = 1h, .start = z},
      [](stop_token const& stop, counter const& all) {
        tandem::this_child::beat();
        if ((*all)++ == 0) std::abort();
        stop.wait();
      },
      lives);
  crew.start();
  CHECK(take(log, 3) == words{"a started", "a died", "a restarted"});
  CHECK(*lives >= 1);
}

TEST_CASE("supervisor: crashes are told of, with where they were", "[crew][supervisor]") {
  supervisor_log log;
  supervisor<process> crew;
  crew.on_event(log);
  crew.add({.name = "a", .restart = restart::temporary, .report_crash = true}, [] { std::abort(); });
  crew.run();
  auto const died = await(log, "a died");
  REQUIRE(died.why);
  CHECK(died.why->signal() == SIGABRT);
  if (!sanitized) CHECK(died.why->crash().has_value());
}

// ---- order and readiness

TEST_CASE("supervisor: those behind a child start when it is ready", "[crew][supervisor][ready]") {
  auto const how = GENERATE(mode::thread, mode::process);
  supervisor_log log;
  supervisor crew(how);
  crew.on_event(log);
  counter const gate(0);
  crew.add({.name = "a", .ready = 1h}, [gate](stop_token const& stop) {
    while (*gate == 0 && !stop.wait_for(1ms)) {}
    tandem::this_child::ready();
    stop.wait();
  });
  crew.add({.name = "b"}, lives_on);
  std::jthread const opens([&] {
    await_state(crew, "a", child_state::starting);
    *gate = 1;
  });
  crew.start();
  CHECK(take_rest(log) == words{"a started", "a ready", "b started"});
}

TEST_CASE("supervisor: a child that is not ready in time is hung", "[crew][supervisor][ready]") {
  auto const how = GENERATE(mode::thread, mode::process);
  supervisor_log log;
  supervisor crew(how, {.intensity = 1000});  // a start may be slow
  crew.on_event(log);
  counter const lives(0);
  crew.add({.name = "a", .ready = 50ms}, [lives](stop_token const& stop) {
    if ((*lives)++ != 0) tandem::this_child::ready();
    stop.wait();
  });
  crew.add({.name = "b"}, lives_on);
  crew.start();
  auto const all = take_rest(log);
  CHECK(words(all.begin(), all.begin() + 4) == words{"a started", "a hung", "a died", "a restarted"});
  CHECK(all.back() == "b started");
}

TEST_CASE("supervisor: a child that ends before it is ready has failed, and those behind it wait on",
          "[crew][supervisor][ready]") {
  auto const how = GENERATE(mode::thread, mode::process);
  supervisor_log log;
  supervisor crew(how, {.intensity = 2});
  crew.on_event(log);
  counter const lives(0);
  crew.add({.name = "a", .ready = 1h}, [lives](stop_token const& stop) {
    if ((*lives)++ < 2) throw std::domain_error("not yet");
    tandem::this_child::ready();
    stop.wait();
  });
  crew.add({.name = "b"}, lives_on);
  crew.start();
  CHECK(take_rest(log) == words{"a started", "a died", "a restarted", "a died", "a restarted", "a ready", "b started"});
}

// ---- changes while it runs

TEST_CASE("supervisor: children come and go", "[crew][supervisor]") {
  auto const how = GENERATE(mode::thread, mode::process);
  supervisor_log log;
  supervisor crew(how);
  crew.on_event(log);
  crew.add({.name = "a"}, lives_on);
  crew.start();
  crew.add({.name = "b"}, lives_on);
  crew.add({.name = "c"}, lives_on);
  CHECK(take(log, 3) == words{"a started", "b started", "c started"});
  CHECK_THROWS_AS(crew.add({.name = "c"}, lives_on), std::invalid_argument);

  CHECK(crew.stop("b"));
  CHECK(take_rest(log) == words{"b stopped"});
  CHECK(state_of(crew, "b") == child_state::stopped);
  CHECK(crew.restart("b"));
  CHECK(take_rest(log) == words{"b restarted"});
  CHECK(crew.restart("b"));
  CHECK(take_rest(log) == words{"b stopped", "b restarted"});
  CHECK(crew.remove("a"));
  CHECK(take_rest(log) == words{"a stopped", "a removed"});
  CHECK(crew.children().size() == 2);
  crew.add({.name = "a"}, lives_on);  // the last one now
  await(log, "a started");
  for (auto const* name : {"", "d"}) {
    CHECK_FALSE(crew.stop(name));
    CHECK_FALSE(crew.restart(name));
    CHECK_FALSE(crew.remove(name));
  }
  crew.stop();
  CHECK(take_rest(log) == words{"a stopped", "c stopped", "b stopped"});
  CHECK(crew.remove("b"));
  CHECK(crew.stop("c"));
  CHECK_FALSE(crew.remove("b"));
  CHECK(take_rest(log).empty());
  CHECK(error_of([&] { crew.restart("c"); }) == EPERM);
}

TEST_CASE("supervisor: a restart by hand is no failure", "[crew][supervisor]") {
  auto const how = GENERATE(mode::thread, mode::process);
  supervisor crew(how, {.intensity = 0});
  crew.add({.name = "a"}, lives_on);
  crew.start();
  for (int i = 0; i < 5; ++i) CHECK(crew.restart("a"));
  CHECK(crew.children()[0].restarts == 5);
  CHECK_FALSE(crew.wait_for(1ms));
}

TEST_CASE("supervisor: a child that is a thread may add others", "[crew][supervisor]") {
  supervisor<thread> crew;
  std::atomic<int> calls{0};
  crew.add({.name = "a", .restart = restart::transient}, [&] {
    for (int i = 0; i < 10; ++i) crew.add({.restart = restart::temporary}, [&] { ++calls; });
  });
  crew.run();
  CHECK(calls == 10);
}

TEST_CASE("supervisor: a start of many at once from several threads", "[crew][supervisor]") {
  supervisor<thread> crew;
  std::atomic<int> calls{0};
  crew.add({.name = "first"}, lives_on);
  crew.start();
  {
    std::vector<std::jthread> all;
    for (int n = 0; n < 4; ++n)
      all.emplace_back([&] {
        for (int i = 0; i < 25; ++i) crew.add({.restart = restart::temporary}, [&] { ++calls; });
      });
  }
  crew.remove("first");
  crew.wait();
  CHECK(calls == 100);
  CHECK(crew.children().empty());
}

// ---- callbacks

TEST_CASE("supervisor: what a callback throws is not lost, and ends nothing", "[crew][supervisor]") {
  static std::atomic<int> unseen{0};
  auto* const before = tandem::set_unobserved_failure_handler([](tandem::failure const& one) noexcept {
    if (one.type() == "std::domain_error" && one.unit() == "supervisor") ++unseen;
  });
  supervisor<thread> crew;
  crew.on_event([](supervisor_event const&) { throw std::domain_error("no"); });
  crew.add({.restart = restart::transient}, [] {});
  crew.run();
  tandem::set_unobserved_failure_handler(before);
  CHECK(unseen == 2);
}

TEST_CASE("supervisor: children's failures are its own to see: nobody else is told", "[crew][supervisor]") {
  static std::atomic<int> unseen{0};
  auto* const before = tandem::set_unobserved_failure_handler([](tandem::failure const&) noexcept { ++unseen; });
  auto const how = GENERATE(mode::thread, mode::process);
  supervisor crew(how, {.intensity = 2});
  crew.add({}, fails);
  CHECK_THROWS_AS(crew.run(), supervisor_gave_up);
  tandem::set_unobserved_failure_handler(before);
  CHECK(unseen == 0);
}

// ---- misuse

TEST_CASE("supervisor: what it refuses while it runs", "[crew][supervisor][errors]") {
  supervisor<thread> crew;
  crew.add({.name = "a"}, lives_on);
  crew.start();
  CHECK(error_of([&] { crew.start(); }) == EPERM);
  CHECK(error_of([&] { crew.run(); }) == EPERM);
  CHECK(error_of([&] { crew.on_event([](supervisor_event const&) {}); }) == EPERM);
  CHECK(state_of(crew, "a") == child_state::running);
}

TEST_CASE("supervisor: what would wait for itself is refused", "[crew][supervisor][errors]") {
  supervisor<thread> crew;
  std::vector<int> codes;
  auto const try_all = [&] {
    codes.push_back(code_of([&] { crew.wait(); }));
    codes.push_back(code_of([&] { crew.wait_for(1h); }));
    codes.push_back(code_of([&] { crew.stop(); }));
    codes.push_back(code_of([&] { crew.stop("a"); }));
    codes.push_back(code_of([&] { crew.restart("a"); }));
    codes.push_back(code_of([&] { crew.remove("a"); }));
  };
  SECTION("in a callback") {
    crew.on_event([&](supervisor_event const& one) {
      if (one.what == supervisor_event::kind::started) try_all();
      crew.children();  // this may
    });
    crew.add({.name = "a", .restart = restart::temporary}, [] {});
    crew.run();
  }
  SECTION("in a child that is a thread") {
    crew.add({.name = "a", .restart = restart::temporary}, [&] { try_all(); });
    crew.run();
  }
  CHECK(codes == std::vector<int>(6, EDEADLK));
}

TEST_CASE("supervisor: in a forked child it is not there", "[crew][supervisor][errors]") {
  supervisor<thread> crew;
  crew.add({.name = "a"}, lives_on);
  crew.start();
  auto const end = run_in_child([&] {
    for (auto const& code :
         {error_of([&] { crew.start(); }), error_of([&] { crew.run(); }), error_of([&] { crew.wait(); }),
          error_of([&] { crew.stop(); }), error_of([&] { crew.stop("a"); }), error_of([&] { crew.restart("a"); }),
          error_of([&] { crew.remove("a"); }), error_of([&] { crew.children(); }),
          error_of([&] { crew.add({}, lives_on); }), error_of([&] { crew.on_event([](supervisor_event const&) {}); })})
      CHECK(code == EPERM);
    auto const destroyed = std::move(crew);
  });
  INFO(end.to_string());
  CHECK(end.passed());
  CHECK(state_of(crew, "a") == child_state::running);
}
