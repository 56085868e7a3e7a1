// SPDX-License-Identifier: BSL-1.0
#include "tandem/crew/restart_backoff.hpp"

#include <chrono>
#include <cstdint>

#include "support/catch.hpp"

using namespace std::chrono_literals;
using tandem::restart_backoff;

TEST_CASE("restart_backoff: by itself none waits", "[crew][restart_backoff]") {
  for (std::uint64_t n : {1U, 2U, 1'000'000U}) CHECK(restart_backoff{}.delay(n, n) == 0ns);
}

TEST_CASE("restart_backoff: each wait is longer, up to the limit", "[crew][restart_backoff]") {
  restart_backoff const doubles{.first = 100ms, .most = 1s};
  CHECK(doubles.delay(1) == 100ms);
  CHECK(doubles.delay(2) == 200ms);
  CHECK(doubles.delay(3) == 400ms);
  CHECK(doubles.delay(4) == 800ms);
  CHECK(doubles.delay(5) == 1s);
  CHECK(doubles.delay(UINT64_MAX) == 1s);
  restart_backoff const constant{.first = 100ms, .most = 1s, .factor = 1};
  CHECK(constant.delay(UINT64_MAX) == 100ms);
  restart_backoff const endless{.first = 1ns, .most = std::chrono::nanoseconds::max()};
  CHECK(endless.delay(UINT64_MAX) > std::chrono::hours(24 * 365 * 200));
  restart_backoff const above{.first = 2s, .most = 1s};
  CHECK(above.delay(1) == 1s);
}

TEST_CASE("restart_backoff: jitter shortens a wait by its part at most, and the same for the same seed",
          "[crew][restart_backoff]") {
  restart_backoff const shaky{.first = 100ms, .most = 1h, .jitter = 0.25};
  auto least = 1h + 0ns, most = 0ns;
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    auto const one = shaky.delay(1, seed);
    CHECK(one == shaky.delay(1, seed));
    least = std::min(least, one);
    most = std::max(most, one);
  }
  CHECK(least >= 75ms);
  CHECK(least < 76ms);
  CHECK(most > 99ms);
  CHECK(most <= 100ms);
  restart_backoff const none{.first = 100ms, .jitter = 1};
  CHECK(none.delay(1, 7) < 100ms);
  CHECK(none.delay(1, 7) >= 0ms);
}
