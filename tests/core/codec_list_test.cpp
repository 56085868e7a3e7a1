// SPDX-License-Identifier: BSL-1.0
#include "tandem/core/codec_list.hpp"

#include <cstdint>
#include <deque>
#include <list>
#include <string>

#include "core/round_trip.hpp"
#include "support/catch.hpp"
#include "tandem/core/codec_string.hpp"

using tandem_test::bytes_by_hand, tandem_test::refuses, tandem_test::refuses_other_lengths, tandem_test::round_trip;

TEMPLATE_TEST_CASE("codec: deques and lists, in order", "[core][codec]", std::deque<std::string>,
                   std::list<std::string>) {
  TestType const sent{"a", "", "c"};
  CHECK(round_trip(sent) == sent);
  CHECK(round_trip(TestType{}).empty());
  CHECK(refuses_other_lengths(sent));
}

TEMPLATE_TEST_CASE("codec: deques and lists have no more elements than bytes", "[core][codec]", std::deque<char>,
                   std::list<double>) {
  bytes_by_hand bytes;
  bytes << std::uint64_t{1} << 40;
  CHECK(refuses<TestType>(bytes));
}
