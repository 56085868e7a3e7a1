// SPDX-License-Identifier: BSL-1.0
#include "tandem/memory/commons.hpp"

#include <atomic>
#include <cstring>
#include <string_view>
#include <thread>

#include "support/catch.hpp"
#include "support/probes.hpp"

using tandem::commons;
using tandem_test::place, tandem_test::run_in_child;

TEST_CASE("commons: a block lies at one address in parent, child and grandchild", "[memory][commons]") {
  auto* const words = static_cast<char*>(commons().allocate(200));
  std::strcpy(words, "from the parent");
  auto const end = run_in_child([words] {
    CHECK(std::string_view{words} == "from the parent");
    CHECK(run_in_child([words] {
            CHECK(std::string_view{words} == "from the parent");
            std::strcpy(words, "from the grandchild");
          }).passed());
  });
  CHECK(end.passed());
  CHECK(std::string_view{words} == "from the grandchild");
  commons().deallocate(words);
}

TEST_CASE("commons: what a child allocates outlives it, and its parent frees it", "[memory][commons]") {
  auto& given = place<std::atomic<char*>>(nullptr);
  auto const before = commons().statistics().live_blocks;
  CHECK(run_in_child([&given] {
          auto* const words = static_cast<char*>(commons().allocate(100'000));
          std::strcpy(words, "from the child");
          given = words;
        }).passed());
  CHECK(std::string_view{given.load()} == "from the child");
  CHECK(commons().statistics().inherited_blocks >= 1);
  commons().deallocate(given);
  CHECK(commons().statistics().live_blocks == before);
}

TEST_CASE("commons: there is one of them, in every thread", "[memory][commons]") {
  auto* const here = &commons();
  std::thread([here] { CHECK(&commons() == here); }).join();
}
