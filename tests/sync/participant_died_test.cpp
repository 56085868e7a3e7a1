// SPDX-License-Identifier: BSL-1.0
#include "tandem/sync/participant_died.hpp"

#include <string>
#include <system_error>

#include "support/catch.hpp"

TEST_CASE("participant_died: is a system_error that says what happened", "[sync][participant_died]") {
  try {
    throw tandem::participant_died("tandem: wait at a latch: one has ended");
  } catch (std::system_error const& error) {
    CHECK(error.code() == std::errc::owner_dead);
    CHECK(std::string(error.what()).find("one has ended") != std::string::npos);
  }
}
