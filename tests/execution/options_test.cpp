// SPDX-License-Identifier: BSL-1.0
#include "tandem/execution/options.hpp"

#include <type_traits>

#include "execution/kinds.hpp"
#include "support/catch.hpp"

TEST_CASE("options: an aggregate in which nothing need be said", "[execution][options]") {
  static_assert(std::is_aggregate_v<tandem::options>);
  tandem::options const plain{};
  CHECK(plain.name.empty());
  tandem::options const named{.name = "parser"};
  CHECK(named.name == "parser");
}

TEST_CASE("options: go first, in braces or as a variable, and leave the result to be deduced", "[execution][options]") {
  auto const twice = [](int n) { return 2 * n; };
  tandem::options how{.name = "kept"};
  tandem::thread a{{.name = "braces"}, twice, 1};
  tandem::process b{{.name = "braces"}, twice, 2};
  tandem::process c{how, twice, 3};
  static_assert(std::is_same_v<decltype(b), tandem::process<int>> && std::is_same_v<decltype(a), tandem::thread<int>>);
  CHECK(how.name == "kept");
  CHECK(c.name() == "kept");
  CHECK(a.join().value() + b.join().value() + c.join().value() == 12);
}
