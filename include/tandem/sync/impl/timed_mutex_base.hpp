// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_SYNC_IMPL_TIMED_MUTEX_BASE_HPP
#define TANDEM_SYNC_IMPL_TIMED_MUTEX_BASE_HPP

#include "tandem/core/deadline.hpp"         // for deadline, and chrono's durations and clocks
#include "tandem/sync/impl/mutex_base.hpp"  // for mutex_base

namespace tandem::impl {

/// mutex_base, and with deadlines.
template <class Mutex, class Word> class timed_mutex_base : public mutex_base<Mutex, Word> {
 public:
  /// Locks if it gets free in time; returns whether it did. Tries once where no time is left. std::chrono's clocks of
  /// any kind; a step of the system's clock changes nothing once it waits.
  /// @throws as lock, but for a depth that is not available: that is false
  /// @par Blocks  Until it is free, or the time is up. The death of its owner ends the wait.
  template <class Rep, class Period> bool try_lock_for(std::chrono::duration<Rep, Period> const& limit) {
    return try_lock_until(deadline::after(limit));
  }
  template <class Clock, class Duration> bool try_lock_until(std::chrono::time_point<Clock, Duration> const& limit) {
    return try_lock_until(deadline::at(limit));
  }
  bool try_lock_until(deadline limit) { return this->lock_in_time(limit.since_epoch_ns()); }

 protected:
  constexpr timed_mutex_base() noexcept = default;
  ~timed_mutex_base() = default;
};

}  // namespace tandem::impl

#endif  // TANDEM_SYNC_IMPL_TIMED_MUTEX_BASE_HPP
