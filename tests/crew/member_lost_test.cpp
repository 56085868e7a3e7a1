// SPDX-License-Identifier: BSL-1.0
#include "tandem/crew/member_lost.hpp"

#include <csignal>
#include <optional>
#include <type_traits>

#include "support/catch.hpp"
#include "tandem/core.hpp"
#include "tandem/execution/process.hpp"

using tandem::failure, tandem::member_lost;

static_assert(std::is_nothrow_copy_constructible_v<member_lost>);

TEST_CASE("member_lost: says whom, how, and in words", "[crew][member_lost]") {
  auto const how = failure::signaled("solver 3", SIGKILL, false);
  member_lost const lost(3, how, "rank 3 has failed");
  CHECK(lost.rank() == 3);
  CHECK(lost.get_failure() == how);
  CHECK(std::string(lost.what()) == "rank 3 has failed");
  CHECK_FALSE(member_lost(1, std::nullopt, "rank 1 has returned").get_failure().has_value());
}

TEST_CASE("member_lost: comes out of a process as itself, where both sides know it", "[crew][member_lost]") {
  tandem::register_exception<member_lost>();
  auto const ended =
      tandem::process([] { throw member_lost(2, failure::exited("solver 2", 7), "rank 2 has failed"); }).join();
  REQUIRE_FALSE(ended.has_value());
  try {
    ended.value();
    FAIL("no exception");
  } catch (member_lost const& lost) {
    CHECK(lost.rank() == 2);
    CHECK(lost.get_failure()->exit_code() == 7);
    CHECK(std::string(lost.what()) == "rank 2 has failed");
  }
  auto const returned = tandem::process([] { throw member_lost(2, std::nullopt, "rank 2 has returned"); }).join();
  CHECK_THROWS_AS(returned.value(), member_lost);
}
