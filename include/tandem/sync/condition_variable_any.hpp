// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_SYNC_CONDITION_VARIABLE_ANY_HPP
#define TANDEM_SYNC_CONDITION_VARIABLE_ANY_HPP

#include <chrono>              // for duration, time_point
#include <condition_variable>  // for cv_status
#include <type_traits>         // for is_standard_layout_v
#include <utility>             // for move

#include "tandem/core/deadline.hpp"          // for deadline
#include "tandem/core/shareable.hpp"         // for enable_shareable
#include "tandem/sync/impl/event_count.hpp"  // for event_count
#include "tandem/sync/impl/wait_on.hpp"      // for wait_on
#include "tandem/sync/stop_token.hpp"        // for stop_callback, stop_token

namespace tandem {

/// std::condition_variable_any ([thread.condition.condvarany]): a condition variable for locks of any type, whose waits
/// may also end at a stop request. Needs no mutex of its own.
/// @par Shared memory          Yes: 8 bytes without a pointer, as mutex. The lock is the caller's.
/// @par Threads and processes  Every member may be called concurrently, except the destructor. A stop request that is
/// made
///                             in any process ends the waits for its token.
/// @par Peer death             As condition_variable.
class condition_variable_any {
 public:
  constexpr condition_variable_any() noexcept = default;
  condition_variable_any(condition_variable_any const&) = delete;
  condition_variable_any& operator=(condition_variable_any const&) = delete;
  /// @pre nobody waits
  ~condition_variable_any() = default;

  /// As condition_variable's.
  void notify_one() noexcept { events_.notify_one(); }
  void notify_all() noexcept { events_.notify_all(); }

  /// Unlocks, waits for a notification, locks. @pre the calling thread holds `lock`
  /// @throws what `lock.lock()` throws: it is not held then; std::system_error as condition_variable::wait
  /// @par Blocks  Until notified, and until the lock is free.
  template <class Lock> void wait(Lock& lock) { impl::wait_on(events_, lock, deadline::never()); }
  template <class Lock, class Predicate> void wait(Lock& lock, Predicate done) {
    impl::wait_on(events_, lock, deadline::never(), done);
  }

  /// The same, at most until a deadline: std::cv_status::timeout where it has passed; or what `done()` says then.
  template <class Lock> std::cv_status wait_until(Lock& lock, deadline until) {
    return impl::wait_on(events_, lock, until);
  }
  template <class Lock, class Predicate> bool wait_until(Lock& lock, deadline until, Predicate done) {
    return impl::wait_on(events_, lock, until, done);
  }
  template <class Lock, class Clock, class Duration>
  std::cv_status wait_until(Lock& lock, std::chrono::time_point<Clock, Duration> const& until) {
    return wait_until(lock, deadline::at(until));
  }
  template <class Lock, class Clock, class Duration, class Predicate>
  bool wait_until(Lock& lock, std::chrono::time_point<Clock, Duration> const& until, Predicate done) {
    return impl::wait_on(events_, lock, deadline::at(until), done);
  }
  template <class Lock, class Rep, class Period>
  std::cv_status wait_for(Lock& lock, std::chrono::duration<Rep, Period> const& time) {
    return wait_until(lock, deadline::after(time));
  }
  template <class Lock, class Rep, class Period, class Predicate>
  bool wait_for(Lock& lock, std::chrono::duration<Rep, Period> const& time, Predicate done) {
    return impl::wait_on(events_, lock, deadline::after(time), done);
  }

  /// Waits until `done()`, or a stop is requested, or (in the timed forms) the time is up; returns what `done()` says
  /// then.
  template <class Lock, class Predicate> bool wait(Lock& lock, stop_token stop, Predicate done) {
    return wait_until(lock, std::move(stop), deadline::never(), done);
  }
  template <class Lock, class Predicate> bool wait_until(Lock& lock, stop_token stop, deadline until, Predicate done) {
    if (stop.stop_requested()) return done();
    stop_callback const notify(stop, [this] { notify_all(); });
    while (!done()) {
      // A request between this look and the sleep notifies, and prepare() was called before it then.
      std::uint32_t const key = events_.prepare();
      if (stop.stop_requested()) return done();
      if (impl::wait_on(events_, key, lock, until) == std::cv_status::timeout) return done();
    }
    return true;
  }
  template <class Lock, class Clock, class Duration, class Predicate>
  bool wait_until(Lock& lock, stop_token stop, std::chrono::time_point<Clock, Duration> const& until, Predicate done) {
    return wait_until(lock, std::move(stop), deadline::at(until), done);
  }
  template <class Lock, class Rep, class Period, class Predicate>
  bool wait_for(Lock& lock, stop_token stop, std::chrono::duration<Rep, Period> const& time, Predicate done) {
    return wait_until(lock, std::move(stop), deadline::after(time), done);
  }

 private:
  impl::event_count events_;
};
static_assert(sizeof(condition_variable_any) == 8 && std::is_standard_layout_v<condition_variable_any>,
              "a format in shared memory");

template <> inline constexpr bool enable_shareable<condition_variable_any> = true;

}  // namespace tandem

#endif  // TANDEM_SYNC_CONDITION_VARIABLE_ANY_HPP
