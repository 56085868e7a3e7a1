// SPDX-License-Identifier: BSL-1.0
#include "tandem/queue/consumer_lagged.hpp"

#include <system_error>

#include "support/catch.hpp"

TEST_CASE("consumer_lagged: says how many, in words and as a number", "[queue][consumer_lagged]") {
  tandem::consumer_lagged const error(7);
  CHECK(error.missed() == 7);
  CHECK(error.code() == std::errc::no_buffer_space);
  CHECK_THAT(error.what(), tandem_test::ContainsSubstring("missed 7 elements"));
}
