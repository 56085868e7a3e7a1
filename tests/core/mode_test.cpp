// SPDX-License-Identifier: BSL-1.0
#include "tandem/core/mode.hpp"

#include "support/catch.hpp"

using tandem::mode, tandem::mode_from_string, tandem::to_string;

TEST_CASE("mode: its names are thread and process, there and back", "[core][mode]") {
  CHECK(to_string(mode::thread) == "thread");
  CHECK(to_string(mode::process) == "process");
  for (auto const value : {mode::thread, mode::process}) CHECK(mode_from_string(to_string(value)) == value);
}

TEST_CASE("mode: any other text is no mode", "[core][mode]") {
  for (auto const* const text : {"", "Thread", "processes", "thread ", " process", "fork"}) {
    CAPTURE(text);
    CHECK_FALSE(mode_from_string(text).has_value());
  }
}

static_assert(mode_from_string("process") == mode::process);
