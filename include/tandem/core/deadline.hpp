// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_CORE_DEADLINE_HPP
#define TANDEM_CORE_DEADLINE_HPP

#include <compare>      // for strong_ordering
#include <cstdint>      // for int64_t
#include <limits>       // for numeric_limits
#include <mutex>        // for chrono's durations and clocks: <chrono> adds its formatting, a quarter more to parse
#include <type_traits>  // for is_same_v

namespace tandem {

/// The moment at which a wait gives up: a point on the monotonic clock, or never.
/// Every timed operation of the library takes its time limit as one of these, so a step of the system's clock changes
/// nothing.
/// @par Shared memory         Yes, and comparable there: all processes of a machine read the same monotonic clock.
/// @par Threads and processes A value: concurrent reads are fine.
/// @par Peer death            Does not concern it.
class deadline {
 public:
  /// Never. Not by mistake: a wait without a limit is the ordinary one.
  constexpr deadline() noexcept = default;

  /// The deadline that no time reaches.
  static constexpr deadline never() noexcept { return deadline{}; }

  /// `limit` from now, rounded up to the nanosecond; now if `limit` is negative (or not a number), never if it is too
  /// far to be counted.
  /// @throws nothing.  @par Cost  One clock reading, no system call.
  template <class Rep, class Period> static deadline after(std::chrono::duration<Rep, Period> limit) noexcept {
    return counted_from(std::chrono::steady_clock::now(), limit);
  }

  /// At `moment` of its own clock, never if that is the last moment the clock can count. Exact for steady_clock; for
  /// any other clock, by the time left on it now.
  /// @throws nothing.  @par Cost  Two clock readings at most, no system call.
  template <class Clock, class Duration> static deadline at(std::chrono::time_point<Clock, Duration> moment) noexcept {
    using origin = typename Clock::time_point;
    if (moment == std::chrono::time_point<Clock, Duration>::max()) return never();
    if constexpr (std::is_same_v<Clock, std::chrono::steady_clock>) {
      return counted_from(origin{}, moment.time_since_epoch());
    } else {
      auto const now = Clock::now();
      double const left = as_double(moment.time_since_epoch()) - as_double(now.time_since_epoch());
      if (left >= limit_of_counting) return never();
      if (!(left > 0)) return after(std::chrono::nanoseconds::zero());
      return after(moment - now);
    }
  }

  /// Whether it is the deadline that no time reaches.
  constexpr bool is_never() const noexcept { return since_epoch_ == std::chrono::nanoseconds::max(); }

  /// Whether the time is up.
  bool passed() const noexcept { return !is_never() && since_epoch_ <= now(); }

  /// The time left: zero once passed, `nanoseconds::max()` for never.
  std::chrono::nanoseconds left() const noexcept {
    if (is_never()) return std::chrono::nanoseconds::max();
    auto const current = now();
    return since_epoch_ > current ? since_epoch_ - current : std::chrono::nanoseconds::zero();
  }

  /// The same moment in nanoseconds on the monotonic clock, INT64_MAX for never: as the functions of os/ take it.
  constexpr std::int64_t since_epoch_ns() const noexcept { return since_epoch_.count(); }

  /// The same moment as std's functions take it; `time_point::max()` for never.
  constexpr std::chrono::steady_clock::time_point time_point() const noexcept {
    return std::chrono::steady_clock::time_point{since_epoch_};
  }

  /// The earlier is the lesser, so `std::min` picks the stricter of two limits.
  friend constexpr auto operator<=>(deadline const& left, deadline const& right) noexcept {
    return left.since_epoch_.count() <=> right.since_epoch_.count();
  }
  friend constexpr bool operator==(deadline const&, deadline const&) noexcept = default;

 private:
  // The largest double below 2^63: what lies under it converts to 64-bit nanoseconds without overflow.
  static constexpr double limit_of_counting = 9223372036854774784.0;

  constexpr explicit deadline(std::chrono::nanoseconds since_epoch) noexcept : since_epoch_{since_epoch} {}

  static std::chrono::nanoseconds now() noexcept { return std::chrono::steady_clock::now().time_since_epoch(); }

  template <class Rep, class Period>
  static constexpr double as_double(std::chrono::duration<Rep, Period> value) noexcept {
    return std::chrono::duration<double, std::nano>(value).count();
  }

  // Through double first: a count of hours may overflow when it is converted to nanoseconds, and a floating one may be
  // NaN.
  template <class Rep, class Period>
  static deadline counted_from(std::chrono::steady_clock::time_point origin,
                               std::chrono::duration<Rep, Period> distance) noexcept {
    auto const start = origin.time_since_epoch();
    double const estimate = as_double(distance);
    if (estimate >= limit_of_counting) return never();
    if (!(estimate > 0)) return deadline{start};
    auto const exact = std::chrono::ceil<std::chrono::nanoseconds>(distance);
    if (exact > std::chrono::nanoseconds::max() - start) return never();
    return deadline{start + exact};
  }

  std::chrono::nanoseconds since_epoch_ = std::chrono::nanoseconds::max();
};

static_assert(std::chrono::steady_clock::is_steady && sizeof(std::chrono::steady_clock::duration) == 8 &&
                  std::is_same_v<std::chrono::steady_clock::period, std::nano>,
              "tandem::deadline counts the nanoseconds of CLOCK_MONOTONIC, as steady_clock does");

}  // namespace tandem

#endif  // TANDEM_CORE_DEADLINE_HPP
