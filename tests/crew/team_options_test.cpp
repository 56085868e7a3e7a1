// SPDX-License-Identifier: BSL-1.0
#include "tandem/crew/team_options.hpp"

#include <string>
#include <vector>

#include "support/catch.hpp"
#include "tandem/crew/team.hpp"
#include "tandem/execution/this_unit.hpp"

using tandem::team, tandem::team_member;

TEST_CASE("team_options: names and numbers of members", "[crew][team_options]") {
  auto const name = [](team_member&) { return tandem::this_unit::name(); };
  CHECK(team<tandem::process>({.name = "solver", .members = 2}).run(name) ==
        std::vector<std::string>{"solver 0", "solver 1"});
  CHECK(team<tandem::thread>({.members = 1}).run(name) == std::vector<std::string>{"team 0"});
  CHECK(team<tandem::thread>().size() >= 1);
}

TEST_CASE("team_options: a member that crashes says where, if asked to", "[crew][team_options]") {
  team<tandem::process> crew({.members = 1, .report_crash = true});
  auto const ended = crew.run_outcomes([](team_member&) { std::abort(); });
  REQUIRE_FALSE(ended[0].has_value());
  CHECK(ended[0].error().crash().has_value());
}
