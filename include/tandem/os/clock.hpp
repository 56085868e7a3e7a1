// SPDX-License-Identifier: BSL-1.0
// The clock that every deadline is measured by.
#ifndef TANDEM_OS_CLOCK_HPP
#define TANDEM_OS_CLOCK_HPP

#include <time.h>  // for clock_gettime, timespec

#include <cstdint>  // for int64_t

namespace tandem::os {

/// Nanoseconds on CLOCK_MONOTONIC, which a clock step does not change; the clock of std::chrono::steady_clock.
inline std::int64_t monotonic_ns() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

/// Nanoseconds on CLOCK_BOOTTIME, by which the kernel notes when a task started.
inline std::int64_t boot_time_ns() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

/// The same point or length of time as the kernel takes it. @pre ns >= 0
inline timespec to_timespec(std::int64_t ns) noexcept {
  timespec time{};
  time.tv_sec = ns / 1'000'000'000;
  time.tv_nsec = ns % 1'000'000'000;
  return time;
}

}  // namespace tandem::os

#endif  // TANDEM_OS_CLOCK_HPP
