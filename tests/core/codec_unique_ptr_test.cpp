// SPDX-License-Identifier: BSL-1.0
#include "tandem/core/codec_unique_ptr.hpp"

#include <memory>
#include <stdexcept>
#include <string>

#include "core/round_trip.hpp"
#include "support/catch.hpp"
#include "tandem/core/codec_string.hpp"

using tandem_test::bytes_by_hand, tandem_test::bytes_of, tandem_test::refuses, tandem_test::refuses_other_lengths,
    tandem_test::round_trip;

namespace {

struct base {
  explicit base(int n) : number{n} {}
  base(base const&) = default;
  virtual ~base() = default;
  int number;
};
struct derived : base {
  using base::base;
  int more = 0;
};

}  // namespace

template <> struct tandem::codec<base> {
  static void encode(writer& to, base const& value) { tandem::encode(to, value.number); }
  static base decode(reader& from) { return base{tandem::decode<int>(from)}; }
};

TEST_CASE("codec: a unique_ptr arrives owning an equal object, or none", "[core][codec]") {
  auto const sent = std::make_unique<std::string>("text");
  auto const arrived = round_trip(sent);
  REQUIRE(arrived != nullptr);
  CHECK(*arrived == "text");
  CHECK(*sent == "text");
  CHECK(refuses_other_lengths(sent));
  CHECK(round_trip(std::unique_ptr<int>{}) == nullptr);
  bytes_by_hand bytes;
  bytes << char{2} << 1;
  CHECK(refuses<std::unique_ptr<int>>(bytes));
}

TEST_CASE("codec: a unique_ptr to a derived class is not sent as half of it", "[core][codec]") {
  std::unique_ptr<base> const exact = std::make_unique<base>(1);
  CHECK(round_trip(exact)->number == 1);
  std::unique_ptr<base> const more = std::make_unique<derived>(1);
  CHECK_THROWS_AS(bytes_of(more), std::invalid_argument);
}
