// SPDX-License-Identifier: BSL-1.0
#include "tandem/os/clock.hpp"

#include <chrono>

#include "support/catch.hpp"

namespace os = tandem::os;

TEST_CASE("clock: monotonic_ns is the time of steady_clock", "[os][clock]") {
  auto const steady_ns = [] {
    return std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds{1};
  };
  auto const before = steady_ns();
  auto const now = os::monotonic_ns();
  CHECK(before <= now);
  CHECK(now <= steady_ns());
}

TEST_CASE("clock: boot time goes on while monotonic time is suspended, so it is never behind", "[os][clock]") {
  auto const monotonic = os::monotonic_ns();
  CHECK(os::boot_time_ns() >= monotonic);
  auto const boot = os::boot_time_ns();
  CHECK(os::boot_time_ns() >= boot);
}

TEST_CASE("clock: to_timespec splits nanoseconds", "[os][clock]") {
  auto const ns = GENERATE(std::int64_t{0}, std::int64_t{1}, std::int64_t{999'999'999}, std::int64_t{1'000'000'000},
                           std::int64_t{12'345'678'901}, INT64_MAX);
  auto const time = os::to_timespec(ns);
  CHECK(time.tv_nsec >= 0);
  CHECK(time.tv_nsec < 1'000'000'000);
  CHECK(time.tv_sec == ns / 1'000'000'000);
  CHECK(time.tv_nsec == ns % 1'000'000'000);
}
