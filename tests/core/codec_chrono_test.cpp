// SPDX-License-Identifier: BSL-1.0
#include "tandem/core/codec_chrono.hpp"

#include <chrono>

#include "core/round_trip.hpp"
#include "support/catch.hpp"

using tandem::flat;
using tandem_test::refuses_other_lengths, tandem_test::round_trip;
using namespace std::chrono_literals;

TEST_CASE("codec: durations, time points and dates", "[core][codec]") {
  CHECK(round_trip(1500ms) == 1500ms);
  CHECK(round_trip(std::chrono::duration<double>(0.5)) == 500ms);
  auto const now = std::chrono::system_clock::now();
  CHECK(round_trip(now) == now);
  auto const date = std::chrono::year_month_day{2024y, std::chrono::February, 29d};
  CHECK(round_trip(date) == date);
  CHECK(refuses_other_lengths(date));
}

TEST_CASE("codec: the calendar types are flat", "[core][codec]") {
  STATIC_REQUIRE(flat<std::chrono::year>);
  STATIC_REQUIRE(flat<std::chrono::weekday_last>);
  STATIC_REQUIRE(flat<std::chrono::year_month_weekday>);
}
