// SPDX-License-Identifier: BSL-1.0
#include "tandem/core/codec_optional.hpp"

#include <optional>
#include <string>

#include "core/round_trip.hpp"
#include "support/catch.hpp"
#include "tandem/core/codec_string.hpp"

using tandem_test::bytes_by_hand, tandem_test::refuses, tandem_test::refuses_other_lengths, tandem_test::round_trip;

TEST_CASE("codec: optionals with and without a value", "[core][codec]") {
  std::optional<std::string> const text{"text"};
  CHECK(round_trip(text) == text);
  CHECK(refuses_other_lengths(text));
  CHECK(round_trip(std::optional<int>{}) == std::nullopt);
  CHECK(refuses_other_lengths(std::optional<int>{}));
  std::optional<std::optional<int>> const nested{std::optional<int>{}};
  CHECK(round_trip(nested) == nested);
}

TEST_CASE("codec: an optional that neither has a value nor has none is refused", "[core][codec]") {
  bytes_by_hand bytes;
  bytes << char{2} << 5;
  CHECK(refuses<std::optional<int>>(bytes));
}
