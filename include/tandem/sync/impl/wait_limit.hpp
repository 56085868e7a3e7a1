// SPDX-License-Identifier: BSL-1.0
// What ends a wait before anything is ready: a deadline, a stop token, both.
#ifndef TANDEM_SYNC_IMPL_WAIT_LIMIT_HPP
#define TANDEM_SYNC_IMPL_WAIT_LIMIT_HPP

#include <chrono>    // for duration, time_point
#include <concepts>  // for same_as

#include "tandem/core/deadline.hpp"    // for deadline
#include "tandem/resource/event.hpp"   // for event
#include "tandem/sync/stop_token.hpp"  // for stop_callback, stop_token

namespace tandem::impl {

constexpr deadline as_deadline(deadline limit) noexcept { return limit; }
template <class Rep, class Period> deadline as_deadline(std::chrono::duration<Rep, Period> limit) noexcept {
  return deadline::after(limit);
}
template <class Clock, class Duration> deadline as_deadline(std::chrono::time_point<Clock, Duration> limit) noexcept {
  return deadline::at(limit);
}

/// A deadline, a duration, or a point in time.
template <class T>
concept time_limit = requires(T const& limit) {
  { as_deadline(limit) } -> std::same_as<deadline>;
};

/// While it lives, its descriptor becomes readable when a stop is requested; at once if it was requested before.
class stop_watch {
 public:
  explicit stop_watch(stop_token const& stop) : told_(stop, teller{&wake_}) {}
  int handle() const noexcept { return wake_.native_handle(); }

 private:
  struct teller {
    event const* wake;
    void operator()() const noexcept { wake->notify(); }  // once: the counter has room
  };

  event wake_;
  stop_callback<teller> told_;
};

}  // namespace tandem::impl

#endif  // TANDEM_SYNC_IMPL_WAIT_LIMIT_HPP
