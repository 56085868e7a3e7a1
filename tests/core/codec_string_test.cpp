// SPDX-License-Identifier: BSL-1.0
#include "tandem/core/codec_string.hpp"

#include <cstdint>
#include <string>

#include "core/round_trip.hpp"
#include "support/catch.hpp"

using tandem_test::bytes_by_hand, tandem_test::refuses, tandem_test::refuses_other_lengths, tandem_test::round_trip;

TEST_CASE("codec: strings of any length and any characters", "[core][codec]") {
  for (auto const& sent : {std::string{}, std::string{"short"}, std::string(5000, 'x'), std::string("a\0b", 3)}) {
    CHECK(round_trip(sent) == sent);
  }
  CHECK(refuses_other_lengths(std::string{"a string that is longer than what fits inside"}));
  CHECK(round_trip(std::u16string{u"wide"}) == u"wide");
  CHECK(refuses_other_lengths(std::u32string{U"wider"}));
}

TEST_CASE("codec: a string is no longer than its bytes", "[core][codec]") {
  for (auto const size : {std::uint64_t{9}, std::uint64_t{1} << 62, ~std::uint64_t{0}}) {
    bytes_by_hand bytes;
    bytes << size << std::uint64_t{0};
    CHECK(refuses<std::string>(bytes));
    CHECK(refuses<std::u32string>(bytes));
  }
}
