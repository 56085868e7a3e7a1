// SPDX-License-Identifier: BSL-1.0
#include "tandem/core/codec_unordered.hpp"

#include <cstdint>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "core/round_trip.hpp"
#include "support/catch.hpp"
#include "tandem/core/codec_string.hpp"

using tandem_test::bytes_by_hand, tandem_test::refuses, tandem_test::refuses_other_lengths, tandem_test::round_trip;

TEST_CASE("codec: unordered maps and sets", "[core][codec]") {
  std::unordered_map<std::string, int> const map{{"one", 1}, {"two", 2}, {"three", 3}};
  CHECK(round_trip(map) == map);
  CHECK(refuses_other_lengths(map));
  std::unordered_set<int> const set{1, 2, 3};
  CHECK(round_trip(set) == set);
  std::unordered_multimap<int, int> const multimap{{1, 2}, {1, 3}, {2, 2}};
  CHECK(round_trip(multimap) == multimap);
  std::unordered_multiset<int> const multiset{1, 1, 2};
  CHECK(round_trip(multiset) == multiset);
}

TEST_CASE("codec: in an unordered container too, a key comes once, and elements have bytes", "[core][codec]") {
  bytes_by_hand twice;
  twice << std::uint64_t{2} << 5 << 5;
  CHECK(refuses<std::unordered_set<int>>(twice));
  bytes_by_hand huge;
  huge << (std::uint64_t{1} << 60) << 1 << 1;
  CHECK(refuses<std::unordered_map<int, int>>(huge));
}
