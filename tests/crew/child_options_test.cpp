// SPDX-License-Identifier: BSL-1.0
#include "tandem/crew/child_options.hpp"

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>

#include "support/catch.hpp"
#include "tandem/crew/supervisor.hpp"

using namespace std::chrono_literals;
using namespace tandem_test;
using tandem::child_options, tandem::mode, tandem::supervisor;

namespace {

/// What add says of these options; empty if it takes them.
std::string refusal(mode how, child_options options) {
  supervisor crew(how);
  options.name = "x";
  try {
    crew.add(options, [] {});
  } catch (std::invalid_argument const& error) {
    CHECK(crew.children().empty());
    return error.what();
  }
  return {};
}

}  // namespace

TEST_CASE("child_options: what they are by themselves", "[crew][child_options]") {
  child_options const plain;
  CHECK(plain.restart == tandem::restart::permanent);
  CHECK(plain.shutdown == 5s);
  CHECK(plain.heartbeat == 0s);
  CHECK(plain.ready == 0s);
  CHECK(plain.start.is_fork());
}

TEST_CASE("child_options: values that cannot be are refused by name", "[crew][child_options][errors]") {
  for (auto const how : {mode::thread, mode::process}) {
    CHECK_THAT(refusal(how, {.shutdown = -1ns}), Equals("tandem: supervisor::add: child 'x': shutdown: less than "
                                                        "nothing; 0 kills at once"));
    CHECK_THAT(refusal(how, {.heartbeat = -1ns}), ContainsSubstring("heartbeat: less than nothing"));
    CHECK_THAT(refusal(how, {.ready = -1ns}), ContainsSubstring("ready: less than nothing"));
    CHECK_THAT(refusal(how, {.backoff = {.first = -1ns}}),
               ContainsSubstring("backoff: first is not between 0 and most"));
    CHECK_THAT(refusal(how, {.backoff = {.first = 2s, .most = 1s}}),
               ContainsSubstring("backoff: first is not between"));
    CHECK_THAT(refusal(how, {.backoff = {.factor = 0.5}}), ContainsSubstring("backoff: factor is less than 1"));
    CHECK_THAT(refusal(how, {.backoff = {.jitter = 1.5}}), ContainsSubstring("backoff: jitter is not between 0 and 1"));
    CHECK_THAT(refusal(how, {.backoff = {.reset_after = -1s}}), ContainsSubstring("backoff: reset_after is less"));
    CHECK(refusal(how, {.shutdown = std::chrono::nanoseconds::max(), .backoff = {.first = 1s, .jitter = 1}}).empty());
  }
}

TEST_CASE("child_options: a wall asked of a thread is refused by name", "[crew][child_options][errors]") {
  CHECK_THAT(refusal(mode::thread, {.report_crash = true}), StartsWith("tandem: options.report_crash: "));
  CHECK_THAT(refusal(mode::thread, {.inherit = tandem::inherit::declared}), StartsWith("tandem: options.inherit: "));
  CHECK_THAT(refusal(mode::thread, {.start = tandem::start::exec}), StartsWith("tandem: options.start: "));
  CHECK(refusal(mode::process, {.report_crash = true, .inherit = tandem::inherit::declared}).empty());
}

TEST_CASE("child_options: names are its own, and made where none is given", "[crew][child_options]") {
  supervisor<tandem::thread> crew;
  crew.add({.name = "a"}, [] {});
  CHECK_THROWS_WITH(crew.add({.name = "a"}, [] {}), "tandem: supervisor::add: child 'a': name: another child has it");
  crew.add({.name = "child 1"}, [] {});
  crew.add({}, [] {});
  CHECK(crew.remove("a"));
  crew.add({}, [] {});
  auto const all = crew.children();
  REQUIRE(all.size() == 3);
  CHECK(all[0].name == "child 1");
  CHECK(all[1].name == "child 2");
  CHECK(all[2].name == "child 3");
}
