// SPDX-License-Identifier: BSL-1.0
#include "tandem/crew/supervisor_event.hpp"

#include <csignal>
#include <string>

#include "support/catch.hpp"

using tandem::supervisor_event;

TEST_CASE("supervisor_event: prints itself", "[crew][supervisor_event]") {
  using kind = supervisor_event::kind;
  auto const words = [](kind what) { return supervisor_event{.what = what, .child = "a"}.to_string(); };
  CHECK(words(kind::started) == "a started");
  CHECK(words(kind::restarted) == "a restarted");
  CHECK(words(kind::ready) == "a ready");
  CHECK(words(kind::ended) == "a ended");
  CHECK(words(kind::died) == "a died");
  CHECK(words(kind::not_started) == "a not started");
  CHECK(words(kind::hung) == "a hung");
  CHECK(words(kind::overdue) == "a overdue");
  CHECK(words(kind::stopped) == "a stopped");
  CHECK(words(kind::removed) == "a removed");
  CHECK(words(kind::gave_up) == "a gave up");
  supervisor_event const died{.what = kind::died, .child = "a", .why = tandem::failure::signaled("a", SIGKILL, false)};
  CHECK(died.to_string() == "a died: 'a' was killed by SIGKILL");
}
