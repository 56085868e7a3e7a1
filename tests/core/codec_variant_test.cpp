// SPDX-License-Identifier: BSL-1.0
#include "tandem/core/codec_variant.hpp"

#include <stdexcept>
#include <string>
#include <variant>

#include "core/round_trip.hpp"
#include "support/catch.hpp"
#include "tandem/core/codec_string.hpp"

using tandem_test::bytes_by_hand, tandem_test::bytes_of, tandem_test::refuses, tandem_test::refuses_other_lengths,
    tandem_test::round_trip;

namespace {

struct throws_when_made {
  throws_when_made() = default;
  explicit throws_when_made(int) { throw std::runtime_error{"made"}; }
  std::string text;  // not trivial, so that the variant loses the value it had
};

}  // namespace

template <> struct tandem::codec<throws_when_made> {
  static void encode(writer&, throws_when_made const&) {}
  static throws_when_made decode(reader&) { return {}; }
};

TEST_CASE("codec: variants keep their alternative, also among equal types", "[core][codec]") {
  using variant = std::variant<std::monostate, int, std::string, int>;
  for (auto const& sent :
       {variant{}, variant{std::in_place_index<1>, 5}, variant{"text"}, variant{std::in_place_index<3>, 5}}) {
    CHECK(round_trip(sent).index() == sent.index());
    CHECK(round_trip(sent) == sent);
    CHECK(refuses_other_lengths(sent));
  }
}

TEST_CASE("codec: a variant without such an alternative is refused", "[core][codec]") {
  for (int index = 2; index != 256; ++index) {
    bytes_by_hand bytes;
    bytes << static_cast<unsigned char>(index) << 1;
    if (!refuses<std::variant<int, float>>(bytes)) FAIL(index);
  }
}

TEST_CASE("codec: a variant that is valueless by exception is not sent", "[core][codec]") {
  std::variant<int, throws_when_made> value{1};
  CHECK_THROWS_AS(value.emplace<1>(5), std::runtime_error);
  REQUIRE(value.valueless_by_exception());
  CHECK_THROWS_AS(bytes_of(value), std::invalid_argument);
}
