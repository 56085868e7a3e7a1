// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_CREW_RESTART_BACKOFF_HPP
#define TANDEM_CREW_RESTART_BACKOFF_HPP

#include <algorithm>  // for min
#include <chrono>     // for nanoseconds
#include <cstdint>    // for uint64_t

namespace tandem {

/// How long a child that has failed waits before it is started again: each time longer, up to a limit. Without a
/// `first` it is started at once.
/// @par Threads and processes  A value.
struct restart_backoff {
  /// Before the first restart; 0: none ever waits.
  std::chrono::nanoseconds first{0};
  /// No wait is longer.
  std::chrono::nanoseconds most = std::chrono::seconds(30);
  /// Each wait is so many times as long as the one before; at least 1.
  double factor = 2;
  /// Which part of a wait is left to chance, from 0 to 1, so that children that fail together do not start together: of
  /// 100 ms with a jitter of 0.25 there are 75 to 100.
  double jitter = 0;
  /// A child that has run for so long before it failed begins at `first` again.
  std::chrono::nanoseconds reset_after = std::chrono::seconds(10);

  /// The wait after the `failure`-th failure in a row, from 1 on. The same for the same `seed`.
  std::chrono::nanoseconds delay(std::uint64_t failure, std::uint64_t seed = 0) const noexcept {
    auto const limit = static_cast<double>(most.count());
    auto wait = std::min(static_cast<double>(first.count()), limit);
    for (std::uint64_t i = 1; i < failure && wait > 0 && wait < limit && factor > 1; ++i)
      wait = std::min(wait * factor, limit);
    wait *= 1 - jitter * chance(seed + failure);
    return std::min(most, std::chrono::nanoseconds(static_cast<std::int64_t>(std::min(wait, 9.2e18))));
  }

 private:
  /// 0 to 1 (splitmix64, Steele et al. 2014).
  static double chance(std::uint64_t number) noexcept {
    number *= 0x9e3779b97f4a7c15U;
    number = (number ^ number >> 30) * 0xbf58476d1ce4e5b9U;
    number = (number ^ number >> 27) * 0x94d049bb133111ebU;
    return static_cast<double>((number ^ number >> 31) >> 11) * 0x1p-53;
  }
};

}  // namespace tandem

#endif  // TANDEM_CREW_RESTART_BACKOFF_HPP
