// SPDX-License-Identifier: BSL-1.0
#include "tandem/crew/tasks_failed.hpp"

#include <type_traits>
#include <vector>

#include "support/catch.hpp"

using tandem::failure, tandem::tasks_failed;

static_assert(std::is_nothrow_copy_constructible_v<failure>);

TEST_CASE("tasks_failed: says what failed first, and what then", "[crew][tasks_failed]") {
  tasks_failed const one({failure::exited("pool 1", 3)});
  CHECK(std::string(one.what()) == failure::exited("pool 1", 3).to_string());
  CHECK(one.failures().size() == 1);
  tasks_failed const three({failure::exited("a", 1), failure::exited("b", 2), failure::exited("c", 3)});
  std::string const words = three.what();
  auto const at = words.find("; and then: ");
  REQUIRE(at != std::string::npos);
  CHECK(words.substr(0, at) == failure::exited("a", 1).to_string());
  CHECK(words.find(failure::exited("c", 3).to_string()) > at);
}
