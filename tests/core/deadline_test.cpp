// SPDX-License-Identifier: BSL-1.0
#include "tandem/core/deadline.hpp"

#include <algorithm>
#include <chrono>
#include <limits>
#include <ratio>

#include "support/catch.hpp"

using tandem::deadline;
using namespace std::chrono_literals;

namespace {

// A clock that stands still, far from the steady one.
struct still_clock {
  using rep = long;
  using period = std::ratio<1>;
  using duration = std::chrono::duration<rep, period>;
  using time_point = std::chrono::time_point<still_clock>;
  [[maybe_unused]] static constexpr bool is_steady = true;
  static time_point now() noexcept { return time_point{1000s}; }
};

}  // namespace

TEST_CASE("deadline: never does not pass, and has all the time left", "[core][deadline]") {
  auto const never = deadline::never();
  CHECK(never.is_never());
  CHECK_FALSE(never.passed());
  CHECK(never.left() == std::chrono::nanoseconds::max());
  CHECK(never.time_point() == std::chrono::steady_clock::time_point::max());
  CHECK(deadline{} == never);
}

TEST_CASE("deadline: after zero or less has passed", "[core][deadline]") {
  CHECK(deadline::after(0s).passed());
  CHECK(deadline::after(-1h).passed());
  CHECK(deadline::after(std::chrono::hours::min()).passed());
  CHECK(deadline::after(0s).left() == 0ns);
  CHECK(deadline::after(std::chrono::duration<double>(std::numeric_limits<double>::quiet_NaN())).passed());
  CHECK(deadline::after(std::chrono::duration<double>(-std::numeric_limits<double>::infinity())).passed());
}

TEST_CASE("deadline: after an hour is within the hour", "[core][deadline]") {
  auto const before = std::chrono::steady_clock::now();
  auto const in_an_hour = deadline::after(1h);
  CHECK_FALSE(in_an_hour.passed());
  CHECK(in_an_hour.left() <= 1h);
  CHECK(in_an_hour.left() > 0s);
  CHECK(in_an_hour.time_point() >= before + 1h);
}

TEST_CASE("deadline: what is too far to be counted is never", "[core][deadline]") {
  CHECK(deadline::after(std::chrono::nanoseconds::max()).is_never());
  CHECK(deadline::after(std::chrono::hours::max()).is_never());
  CHECK(deadline::after(std::chrono::duration<double>(1e300)).is_never());
  CHECK(deadline::after(std::chrono::duration<double>(std::numeric_limits<double>::infinity())).is_never());
  CHECK(deadline::after(std::chrono::duration<float, std::ratio<3600 * 24 * 365L>>(1e6F)).is_never());
  CHECK(deadline::at(std::chrono::steady_clock::time_point::max()).is_never());
  CHECK(deadline::at(std::chrono::system_clock::time_point::max()).is_never());
  CHECK(deadline::at(std::chrono::time_point<std::chrono::system_clock, std::chrono::hours>::max()).is_never());
}

TEST_CASE("deadline: fractions are rounded up, so that no wait ends early", "[core][deadline]") {
  using third_of_a_nanosecond = std::chrono::duration<double, std::ratio<1, 3'000'000'000>>;
  auto const before = std::chrono::steady_clock::now();
  CHECK(deadline::after(third_of_a_nanosecond(1)).time_point() >= before + 1ns);
}

TEST_CASE("deadline: a moment of the steady clock is kept exactly", "[core][deadline]") {
  auto const moment = std::chrono::steady_clock::now() + 12345ns;
  CHECK(deadline::at(moment).time_point() == moment);
  auto const coarse = std::chrono::time_point_cast<std::chrono::seconds>(moment);
  CHECK(deadline::at(coarse).time_point() == coarse);
}

TEST_CASE("deadline: a moment of another clock is as far as that clock says", "[core][deadline]") {
  auto const before = std::chrono::steady_clock::now();
  auto const in_ten = deadline::at(still_clock::time_point{1010s});
  CHECK(in_ten.time_point() >= before + 10s);
  CHECK(in_ten.left() <= 10s);
  CHECK(deadline::at(still_clock::time_point{999s}).passed());
  CHECK(deadline::at(still_clock::time_point::min()).passed());
  CHECK(deadline::at(std::chrono::system_clock::now() - 1s).passed());
}

TEST_CASE("deadline: the earlier is the lesser, and never is the last", "[core][deadline]") {
  auto const now = std::chrono::steady_clock::now();
  auto const sooner = deadline::at(now), later = deadline::at(now + 1s);
  CHECK(sooner < later);
  CHECK(later < deadline::never());
  CHECK(std::min(later, sooner) == sooner);
}
