// SPDX-License-Identifier: BSL-1.0
#include "support/catch.hpp"

#include <stdexcept>
#include <string>
#include <vector>

using tandem_test::Approx, tandem_test::ContainsSubstring, tandem_test::EndsWith, tandem_test::Equals,
    tandem_test::Message, tandem_test::Predicate, tandem_test::StartsWith;

TEMPLATE_TEST_CASE("catch: typed bodies run for each type", "[support][catch]", int, long) {
  CHECK(TestType{1} + TestType{1} == TestType{2});
}

TEST_CASE("catch: generators run the body for each value", "[support][catch]") {
  auto const n = GENERATE(1, 2, 3);
  auto const m = GENERATE(range(0, 2));
  CHECK(n > m - 2);
}

TEST_CASE("catch: matchers go by one name in both versions", "[support][catch]") {
  std::string const text = "one, two, three";
  CHECK_THAT(text, StartsWith("one") && ContainsSubstring("two") && EndsWith("three"));
  CHECK_THAT(text, Equals("one, two, three"));
  CHECK_THAT(3, Predicate<int>([](int n) { return n % 2 == 1; }, "odd"));
  CHECK_THROWS_MATCHES(throw std::runtime_error("why"), std::runtime_error, Message("why"));
  CHECK_THROWS_WITH(throw std::runtime_error("why not"), StartsWith("why"));
  CHECK(1.0 == Approx(1.0 + 1e-9));
}
