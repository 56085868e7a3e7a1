// SPDX-License-Identifier: BSL-1.0
#include "tandem/core/codec_map.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/round_trip.hpp"
#include "support/catch.hpp"
#include "tandem/core/codec_string.hpp"
#include "tandem/core/codec_vector.hpp"

using tandem_test::bytes_by_hand, tandem_test::refuses, tandem_test::refuses_other_lengths, tandem_test::round_trip;

TEST_CASE("codec: maps and sets", "[core][codec]") {
  std::map<std::string, int> const map{{"one", 1}, {"two", 2}};
  CHECK(round_trip(map) == map);
  CHECK(refuses_other_lengths(map));
  std::set<std::string, std::greater<>> const set{"a", "b", "c"};
  CHECK(round_trip(set) == set);
  CHECK(refuses_other_lengths(set));
  std::map<std::string, std::map<int, std::vector<std::string>>> const nested{{"a", {{1, {"b"}}}}, {"c", {}}};
  CHECK(round_trip(nested) == nested);
}

TEST_CASE("codec: multimaps and multisets, equal keys in order", "[core][codec]") {
  std::multimap<int, std::string> const map{{1, "a"}, {1, "b"}, {0, "c"}, {1, "a"}};
  CHECK(round_trip(map) == map);
  std::multiset<int> const set{1, 1, 2};
  CHECK(round_trip(set) == set);
}

TEST_CASE("codec: a key that comes twice is refused, an order that is none is not", "[core][codec]") {
  bytes_by_hand twice;
  twice << std::uint64_t{2} << 5 << 5;
  CHECK(refuses<std::set<int>>(twice));
  bytes_by_hand twice_mapped;
  twice_mapped << std::uint64_t{2} << 5 << 1 << 5 << 2;
  CHECK(refuses<std::map<int, int>>(twice_mapped));
  bytes_by_hand unsorted;
  unsorted << std::uint64_t{3} << 5 << 4 << 6;
  CHECK(tandem::decode<std::set<int>>(unsorted) == std::set<int>{4, 5, 6});
}

TEST_CASE("codec: maps and sets have no more elements than bytes", "[core][codec]") {
  bytes_by_hand bytes;
  bytes << (std::uint64_t{1} << 60) << 1;
  CHECK(refuses<std::map<int, int>>(bytes));
  CHECK(refuses<std::multiset<char>>(bytes));
}
