// SPDX-License-Identifier: BSL-1.0
#include "tandem/core/codec_tuple.hpp"

#include <array>
#include <string>
#include <tuple>
#include <utility>

#include "core/round_trip.hpp"
#include "support/catch.hpp"
#include "tandem/core/codec_string.hpp"

using tandem_test::refuses_other_lengths, tandem_test::round_trip;

TEST_CASE("codec: pairs and tuples, in order", "[core][codec]") {
  std::pair<int, std::string> const pair{1, "one"};
  CHECK(round_trip(pair) == pair);
  CHECK(refuses_other_lengths(pair));
  std::tuple<int, std::string, double, std::pair<char, char>> const tuple{1, "two", 3.0, {'4', '5'}};
  CHECK(round_trip(tuple) == tuple);
  CHECK(refuses_other_lengths(tuple));
  CHECK(round_trip(std::tuple<>{}) == std::tuple<>{});
  std::tuple<std::string> const one{"1"};
  CHECK(round_trip(one) == one);
  std::pair<int const, std::string> const constant{1, "one"};
  CHECK(round_trip(constant) == constant);
}

TEST_CASE("codec: arrays, flat or not", "[core][codec]") {
  std::array<int, 3> const flat{1, 2, 3};
  CHECK(round_trip(flat) == flat);
  std::array<std::string, 2> const words{"a", "b"};
  CHECK(round_trip(words) == words);
  CHECK(refuses_other_lengths(words));
  std::array<std::string, 0> const none{};
  CHECK(round_trip(none) == none);
  std::array<std::array<std::string, 2>, 2> const nested{{{"a", "b"}, {"c", "d"}}};
  CHECK(round_trip(nested) == nested);
}
