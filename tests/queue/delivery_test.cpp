// SPDX-License-Identifier: BSL-1.0
#include "tandem/queue/delivery.hpp"

#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>

#include "support/catch.hpp"
#include "support/child.hpp"
#include "tandem/core.hpp"
#include "tandem/memory/shared.hpp"
#include "tandem/queue/acknowledged_queue.hpp"

using tandem::acknowledged_queue, tandem::delivery, tandem::shared;
using words = acknowledged_queue<std::string>;

static_assert(!std::is_copy_constructible_v<delivery<int>> && std::is_nothrow_move_constructible_v<delivery<int>>);

TEST_CASE("delivery: acknowledged once, it does not come again", "[queue][delivery]") {
  shared<words> queue(4);
  queue->push("one");
  auto one = queue->receive();
  REQUIRE(one);
  CHECK(**one == "one");
  CHECK((*one)->size() == 3);
  CHECK(std::as_const(*one)->size() == 3);
  CHECK(one->number() == 1);
  CHECK(one->acknowledge());
  CHECK_FALSE(one->acknowledge());
  one->give_back();
  one.reset();
  CHECK_FALSE(queue->try_receive());
}

TEST_CASE("delivery: given back, or dropped, it comes again with another number", "[queue][delivery]") {
  shared<words> queue(4);
  queue->push("one");
  queue->push("two");
  for (unsigned round = 1; round < 10; ++round) {
    auto one = queue->try_receive();
    REQUIRE(one);
    CHECK(**one == "one");
    CHECK(one->number() == round);
    if (round % 2 == 0) one->give_back();
  }
  auto const one = queue->try_receive();
  auto const two = queue->try_receive();
  CHECK(**one == "one");
  CHECK(**two == "two");
  CHECK(two->number() == 1);
  CHECK_FALSE(queue->try_receive());
}

TEST_CASE("delivery: moved, it is the other's", "[queue][delivery]") {
  shared<words> queue(4);
  queue->push("one");
  auto first = queue->receive();
  auto second = std::move(*first);
  CHECK_FALSE(first->acknowledge());
  first.reset();
  CHECK_FALSE(queue->try_receive());
  std::string const taken = *std::move(second);
  CHECK(taken == "one");
  CHECK(second.acknowledge());
}

TEST_CASE("delivery: it goes to another when the thread that received it ends", "[queue][delivery]") {
  shared<words> queue(4);
  queue->push("one");
  std::optional<delivery<std::string>> kept;
  std::thread([&] { kept.emplace(std::move(*queue->receive())); }).join();
  SECTION("and is its no more") {
    auto const again = queue->receive();
    REQUIRE(again);
    CHECK(again->number() == 2);
    CHECK_FALSE(kept->acknowledge());
  }
  SECTION("unless it was acknowledged first, by any thread") {
    CHECK(kept->acknowledge());
    CHECK_FALSE(queue->try_receive());
  }
}

TEST_CASE("delivery: a forked child's copy does nothing to its parent's", "[queue][delivery]") {
  shared<words> queue(4);
  queue->push("one");
  auto one = queue->receive();
  CHECK(tandem_test::run_in_child([&] {
          CHECK_FALSE(one->acknowledge());
          one.reset();
        }).passed());
  CHECK_FALSE(queue->try_receive());
  CHECK(one->acknowledge());
}
