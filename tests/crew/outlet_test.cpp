// SPDX-License-Identifier: BSL-1.0
#include "tandem/crew/outlet.hpp"

#include <stdexcept>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "tandem/core.hpp"
#include "tandem/memory/shared.hpp"

using tandem::outlet;

namespace {

using strings = std::vector<std::string>;

}  // namespace

TEST_CASE("outlet: hands on each at once, or when a batch is full, or when it is told to", "[crew][outlet]") {
  tandem::shared<outlet<std::string>::queue> queue(8);
  outlet<std::string> one(queue->producer());
  CHECK(one.push("a"));
  CHECK(queue->try_pop() == strings{"a"});
  outlet<std::string> three(queue->producer(), 3);
  CHECK(three.push("a"));
  CHECK(three.push("b"));
  CHECK_FALSE(queue->try_pop());
  CHECK(three.push("c"));
  CHECK(queue->try_pop() == strings{"a", "b", "c"});
  CHECK(three.flush());  // nothing
  CHECK(three.push("d"));
  CHECK(three.flush());
  CHECK(queue->try_pop() == strings{"d"});
  CHECK(three.is_open());
}

TEST_CASE("outlet: says when nobody takes it any more", "[crew][outlet]") {
  tandem::shared<outlet<std::string>::queue> queue(8);
  SECTION("closed") {
    outlet<std::string> out(queue->producer());
    queue->close();
    CHECK_FALSE(out.push("a"));
    CHECK_FALSE(out.is_open());
    CHECK_FALSE(out.push("b"));
    CHECK_FALSE(out.flush());
  }
  SECTION("a stop") {
    tandem::stop_source stop;
    outlet<std::string> out(queue->producer(), 2, stop.get_token());
    CHECK(out.push("a"));
    CHECK_FALSE(out.stop_requested());
    stop.request_stop();
    CHECK(out.stop_requested());
    CHECK(out.get_stop_token() == stop.get_token());
    CHECK_FALSE(out.push("b"));
    CHECK_FALSE(out.is_open());
    CHECK_FALSE(queue->try_pop());
  }
}

TEST_CASE("outlet: a batch of none is refused", "[crew][outlet]") {
  tandem::shared<outlet<int>::queue> queue(8);
  CHECK_THROWS_AS(outlet<int>(queue->producer(), 0), std::invalid_argument);
  CHECK_THROWS_WITH(outlet<int>(queue->producer(), 0), "tandem: make an outlet: batch is 0: at least 1");
}
