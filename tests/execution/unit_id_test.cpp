// SPDX-License-Identifier: BSL-1.0
#include "tandem/execution/unit_id.hpp"

#include <sstream>
#include <unordered_set>

#include "support/catch.hpp"

using tandem::unit_id;

TEST_CASE("unit_id: default is no unit, and differs from every other", "[execution][unit_id]") {
  CHECK(unit_id{} == unit_id{});
  CHECK(unit_id{} < unit_id{1, 0});
  CHECK(unit_id{4, 0} != unit_id{4, 1});
  CHECK(unit_id{4, 1} < unit_id{5, 0});
}

TEST_CASE("unit_id: reads as the system's number, with the thread's behind it", "[execution][unit_id]") {
  CHECK(unit_id{}.to_string() == "none");
  CHECK(unit_id{4711, 0}.to_string() == "4711");
  CHECK(unit_id{4711, 3}.to_string() == "4711.3");
  std::ostringstream out;
  out << unit_id{4711, 3};
  CHECK(out.str() == "4711.3");
}

TEST_CASE("unit_id: is a key", "[execution][unit_id]") {
  std::unordered_set<unit_id> const ids{{1, 0}, {1, 1}, {2, 0}, {1, 0}};
  CHECK(ids.size() == 3);
}
