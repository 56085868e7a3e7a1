// SPDX-License-Identifier: BSL-1.0
#include "tandem/crew/child_status.hpp"

#include "support/catch.hpp"

using tandem::child_state, tandem::child_status;

TEST_CASE("child_status: before anything has happened", "[crew][child_status]") {
  child_status const plain;
  CHECK(plain.state == child_state::waiting);
  CHECK(plain.id == tandem::unit_id{});
  CHECK(plain.restarts == 0);
  CHECK_FALSE(plain.last);
}

TEST_CASE("child_status: states in words", "[crew][child_status]") {
  CHECK(to_string(child_state::waiting) == "waiting");
  CHECK(to_string(child_state::starting) == "starting");
  CHECK(to_string(child_state::running) == "running");
  CHECK(to_string(child_state::hung) == "hung");
  CHECK(to_string(child_state::stopping) == "stopping");
  CHECK(to_string(child_state::ended) == "ended");
  CHECK(to_string(child_state::stopped) == "stopped");
}
