// SPDX-License-Identifier: BSL-1.0
#include "tandem/crew/team.hpp"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <numeric>
#include <set>
#include <stdexcept>
#include <string>
#include <system_error>
#include <type_traits>
#include <vector>

#include "crew/scarce_descriptors.hpp"
#include "support/build_kind.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/place.hpp"
#include "tandem/core.hpp"
#include "tandem/execution/borrow.hpp"
#include "tandem/execution/this_unit.hpp"
#include "tandem/execution/zygote.hpp"
#include "tandem/memory/commons.hpp"
#include "tandem/memory/shared.hpp"
#include "tandem/resource/pipe.hpp"

using namespace tandem_test;
using tandem::member_lost, tandem::mode, tandem::process, tandem::shared, tandem::team, tandem::team_member,
    tandem::thread;

namespace {

using teams = team<tandem::unit>;

std::size_t rank_of(team_member& me) { return me.rank(); }

std::vector<std::size_t> ranks_below(std::size_t end) {
  std::vector<std::size_t> all(end);
  std::iota(all.begin(), all.end(), std::size_t{0});
  return all;
}

void die(team_member& me, std::size_t rank) {
  if (me.rank() == rank) std::raise(SIGKILL);
}

}  // namespace

static_assert(std::is_same_v<decltype(team{mode::thread, 2}), teams>);
static_assert(std::is_same_v<decltype(team{mode::thread}), teams>);
static_assert(std::is_same_v<decltype(team<thread>(1).run([](team_member&) {})), void>);
static_assert(
    std::is_same_v<decltype(team<thread>(1).run_outcomes(rank_of)), std::vector<tandem::outcome<std::size_t>>>);

TEMPLATE_TEST_CASE("team: the function runs in each member, and its results come by rank", "[crew][team]", team<thread>,
                   team<process>) {
  for (std::size_t const size : {1U, 2U, 5U}) {
    TestType crew(size);
    CHECK(crew.size() == size);
    CHECK(crew.mode() == (std::is_same_v<TestType, team<thread>> ? mode::thread : mode::process));
    CHECK(crew.run(rank_of) == ranks_below(size));
    CHECK(crew.run([](team_member& me) { return me.size(); }) == std::vector<std::size_t>(size, size));
    auto const ended = crew.run_outcomes(rank_of);
    REQUIRE(ended.size() == size);
    for (std::size_t rank = 0; rank < size; ++rank) CHECK(ended[rank] == rank);
  }
}

TEST_CASE("team: its mode can be chosen at run time", "[crew][team]") {
  auto const how = GENERATE(mode::thread, mode::process);
  team crew{how, 3};
  CHECK(crew.mode() == how);
  CHECK(crew.run([](team_member&) { return tandem::this_unit::mode(); }) == std::vector<mode>(3, how));
  CHECK(teams(how, {.members = 4}).size() == 4);
  CHECK(teams(how).size() > 0);
}

TEST_CASE("team: what members cannot be", "[crew][team]") {
  CHECK_THROWS_AS(team<thread>(0), std::invalid_argument);
  CHECK_THROWS_AS(team<process>(-1), std::invalid_argument);
  CHECK_THROWS_WITH(team<thread>(1025), ContainsSubstring("members"));
  CHECK_THROWS_WITH(team<thread>({.members = 1025}), ContainsSubstring("members"));
  CHECK_THROWS_WITH(teams(mode::process, {.members = 1025}), ContainsSubstring("members"));
}

TEMPLATE_TEST_CASE("team: each member has a copy of the function and of its arguments", "[crew][team]", team<thread>,
                   team<process>) {
  TestType crew(3);
  std::string const text = "a text of some length, beyond what a string has inside";
  auto const lengths = crew.run(
      [text, calls = 0](team_member& me, std::string mine, std::vector<int> numbers,
                        std::string const& literal) mutable {
        mine += std::to_string(me.rank());
        return text.size() + mine.size() + numbers.size() + literal.size() + static_cast<std::size_t>(++calls);
      },
      text, std::vector<int>{1, 2}, "abc");
  CHECK(lengths == std::vector<std::size_t>(3, 2 * text.size() + 1 + 2 + 3 + 1));
  shared<std::atomic<int>> count(0);
  crew.run([count](team_member&) { ++*count; });
  crew.run([](team_member&, shared<std::atomic<int>> const& its) { ++*its; }, count);
  CHECK(*count == 6);
  CHECK(count.use_count() == 1);
  tandem::pipe ends;
  crew.run([](team_member&, tandem::fd const& out) { return ::write(out.get(), "x", 1); },
           tandem::borrow(ends.write_end));
  char three[4];
  CHECK(::read(ends.read_end.get(), three, 4) == 3);
}

TEST_CASE("team: of threads, arguments and results may be anything", "[crew][team]") {
  struct own {
    int* at;
  };
  int values[2] = {};
  auto const back = team<thread>(2).run(
      [](team_member& me, int* all) {
        all[me.rank()] = 5;
        return own{all};
      },
      &values[0]);
  CHECK(values[0] + values[1] == 10);
  CHECK(back[1].at == &values[0]);
}

TEMPLATE_TEST_CASE("team: a run ends with the first failure, and the next one is as good as new", "[crew][team]",
                   team<thread>, team<process>) {
  TestType crew(3);
  for (int run = 0; run < 3; ++run) {
    auto const failing = [](team_member& me, std::size_t who) {
      if (me.rank() == who) throw std::out_of_range("no such row");
      me.barrier();
    };
    for (std::size_t who = 0; who < 3; ++who) {
      CHECK_THROWS_AS(crew.run(failing, who), std::out_of_range);
      auto const ended = crew.run_outcomes(failing, who);
      for (std::size_t rank = 0; rank < 3; ++rank) {
        REQUIRE_FALSE(ended[rank].has_value());
        if (rank == who) {
          CHECK(ended[rank].error().what() == "no such row");
          continue;
        }
        try {
          ended[rank].value();
        } catch (member_lost const& lost) {
          CHECK(lost.rank() == who);
          REQUIRE(lost.get_failure().has_value());
          CHECK(lost.get_failure()->what() == "no such row");
          CHECK_THAT(lost.what(), ContainsSubstring("'team " + std::to_string(who) + "' threw std::out_of_range"));
          continue;
        }
        FAIL("not told");
      }
    }
    CHECK(crew.run([](team_member& me) { return me.all_reduce(me.rank()); }) == std::vector<std::size_t>(3, 3));
  }
}

TEST_CASE("team: the death of a process is an outcome, and is told to all", "[crew][team][death]") {
  team<process> crew({.name = "solver", .members = 4});
  std::size_t const who = GENERATE(0U, 3U);
  auto const dying = [](team_member& me, std::size_t victim) {
    me.barrier();
    die(me, victim);
    return me.all_reduce(1);
  };
  CHECK_THROWS_AS(crew.run(dying, who), tandem::unit_died);
  auto const ended = crew.run_outcomes(dying, who);
  for (std::size_t rank = 0; rank < 4; ++rank) {
    REQUIRE_FALSE(ended[rank].has_value());
    if (rank == who)
      CHECK(ended[rank].error().signal() == SIGKILL);
    else
      CHECK_THAT(ended[rank].error().what(), ContainsSubstring("rank " + std::to_string(who) + " has failed: 'solver " +
                                                               std::to_string(who) + "' was killed by SIGKILL"));
  }
  auto const left = crew.run_outcomes([](team_member& me) {
    if (me.rank() == 1) ::_exit(3);
    me.barrier();
  });
  CHECK(left[1].error().exit_code() == 3);
  CHECK_THAT(left[0].error().what(), ContainsSubstring("exited with code 3"));
}

TEMPLATE_TEST_CASE("team: who fails has a stop requested of all others", "[crew][team]", team<thread>, team<process>) {
  auto const ended = TestType(3).run_outcomes([](team_member& me) {
    if (me.rank() == 1) throw std::runtime_error("first");
    while (!me.stop_requested()) tandem::this_unit::yield();
    return tandem::this_unit::stop_requested() && me.get_stop_token().stop_requested();
  });
  CHECK(ended[0] == true);
  CHECK_FALSE(ended[1].has_value());
  CHECK(ended[2] == true);
}

TEMPLATE_TEST_CASE("team: a member that has returned is not waited for", "[crew][team]", team<thread>, team<process>) {
  auto const ended = TestType(3).run_outcomes([](team_member& me) {
    me.barrier();
    if (me.rank() == 1) return 0;
    return me.all_reduce(1);
  });
  CHECK(ended[1] == 0);
  for (std::size_t const rank : {0U, 2U}) {
    REQUIRE_FALSE(ended[rank].has_value());
    try {
      ended[rank].value();
    } catch (member_lost const& lost) {
      if (!lost.get_failure()) {  // or it was told that another one has met this
        CHECK(lost.rank() == 1);
        CHECK_THAT(lost.what(), ContainsSubstring("rank 1 has returned, and others wait for it in all_reduce of int"));
      }
      continue;
    }
    FAIL("not told");
  }
}

TEST_CASE("team: members from a zygote", "[crew][team]") {
  tandem::zygote zygote;
  team<process> crew({.name = "from zygote", .members = 3, .start = zygote});
  for (int run = 0; run < 2; ++run) {
    CHECK(crew.run([](team_member& me, std::string const& text) { return me.all_reduce(text).size(); },
                   std::string("tandem")) == std::vector<std::size_t>(3, 18));
    auto const ended = crew.run_outcomes([](team_member& me) {
      die(me, 1);
      me.barrier();
    });
    CHECK(ended[1].error().signal() == SIGKILL);
    CHECK_THROWS_AS(ended[0].value(), member_lost);
  }
  std::string const text = "a text of some length, beyond what a string has inside";
  CHECK_THROWS_AS(crew.run([text](team_member&) { return text.size(); }), std::invalid_argument);
}

TEST_CASE("team: where one member cannot be started, the others are told, and none is left", "[crew][team]") {
  CHECK(run_in_child([] {
          std::vector<int> sums;
          auto const add_up = [](team_member& me) { return me.all_reduce(1); };
          CHECK(refusals_until_it_works(60, [&] { sums = team<process>(4).run(add_up); }) > 4);
          CHECK(sums == std::vector<int>(4, 4));
        }).passed());
}

TEMPLATE_TEST_CASE("team: a member may have a team of its own", "[crew][team]", team<thread>, team<process>) {
  auto const sums = TestType(2).run([](team_member& me) {
    auto const inner =
        TestType(2).run([](team_member& it, std::size_t above) { return it.all_reduce(above); }, me.rank() + 1);
    return me.all_reduce(inner[0]);
  });
  CHECK(sums == std::vector<std::size_t>(2, 6));
}

TEMPLATE_TEST_CASE("team: nothing is left in the commons", "[crew][team]", team<thread>, team<process>) {
  auto const run = [] {
    TestType(3).run_outcomes([](team_member& me) {
      std::string const text(1000, 'x');
      me.all_gather(text);
      me.scatter(std::vector<std::string>(3, text));
      me.scratch<int>(10'000);
      me.send((me.rank() + 1) % 3, text);
      me.send((me.rank() + 1) % 3, 42);  // which nobody receives
      me.receive<std::string>((me.rank() + 2) % 3);
      if (me.rank() == 1) throw std::runtime_error(text);
      me.broadcast(text);
    });
  };
  run();
  auto const used = [] { return tandem::commons().statistics().live_bytes; };
  auto const before = used();
  for (int i = 0; i < 10; ++i) run();
  CHECK(used() <= before);
}
