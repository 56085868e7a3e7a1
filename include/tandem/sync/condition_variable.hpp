// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_SYNC_CONDITION_VARIABLE_HPP
#define TANDEM_SYNC_CONDITION_VARIABLE_HPP

#include <chrono>              // for duration, time_point
#include <condition_variable>  // for cv_status
#include <mutex>               // for unique_lock
#include <type_traits>         // for is_standard_layout_v

#include "tandem/core/deadline.hpp"          // for deadline
#include "tandem/core/shareable.hpp"         // for enable_shareable
#include "tandem/sync/impl/event_count.hpp"  // for event_count
#include "tandem/sync/impl/wait_on.hpp"      // for wait_on
#include "tandem/sync/mutex.hpp"             // for mutex

namespace tandem {

/// std::condition_variable ([thread.condition.condvar]) for tandem::mutex, in threads and across processes.
///
/// Wakes may be spurious, as std's; where other processes are in sight, each wait without a predicate returns after
/// 100 ms at the latest, for a unit may have died between a change and its notification.
/// @par Shared memory          Yes: 8 bytes without a pointer, as mutex.
/// @par Threads and processes  Every member may be called concurrently, except the destructor.
/// @par Peer death             No notification is lost to the dead: one that a dying waiter took, or a dying notifier
///                             had begun, reaches another waiter. A waiter whose mutex is abandoned by its owner gets
///                             owner_died, and does not hold it.
class condition_variable {
 public:
  constexpr condition_variable() noexcept = default;
  condition_variable(condition_variable const&) = delete;
  condition_variable& operator=(condition_variable const&) = delete;
  /// @pre nobody waits
  ~condition_variable() = default;

  /// Wakes one waiter, or all, of those who wait now. Holding the mutex is not needed. Who takes over a mutex by
  /// recover() calls notify_all(): the dead may have owed a notification.
  /// @par Cost  One load where nobody waits; otherwise one or two atomic operations and a system call.
  void notify_one() noexcept { events_.notify_one(); }
  void notify_all() noexcept { events_.notify_all(); }

  /// Unlocks, waits for a notification, locks. @pre `lock` owns its mutex
  /// @throws owner_died, std::system_error: what mutex::lock throws; `lock` owns nothing then. And where the thread
  /// cannot enrol in the family: nothing has changed then
  /// @par Blocks  Until notified, and until the mutex is free.
  void wait(std::unique_lock<mutex>& lock) { impl::wait_on(events_, lock, deadline::never()); }
  /// Waits until `done()`, called with the mutex held, is true.
  template <class Predicate> void wait(std::unique_lock<mutex>& lock, Predicate done) {
    impl::wait_on(events_, lock, deadline::never(), done);
  }

  /// The same, at most until a deadline: std::cv_status::timeout where it has passed; or what `done()` says then.
  std::cv_status wait_until(std::unique_lock<mutex>& lock, deadline until) {
    return impl::wait_on(events_, lock, until);
  }
  template <class Predicate> bool wait_until(std::unique_lock<mutex>& lock, deadline until, Predicate done) {
    return impl::wait_on(events_, lock, until, done);
  }
  template <class Clock, class Duration>
  std::cv_status wait_until(std::unique_lock<mutex>& lock, std::chrono::time_point<Clock, Duration> const& until) {
    return wait_until(lock, deadline::at(until));
  }
  template <class Clock, class Duration, class Predicate>
  bool wait_until(std::unique_lock<mutex>& lock, std::chrono::time_point<Clock, Duration> const& until,
                  Predicate done) {
    return impl::wait_on(events_, lock, deadline::at(until), done);
  }
  template <class Rep, class Period>
  std::cv_status wait_for(std::unique_lock<mutex>& lock, std::chrono::duration<Rep, Period> const& time) {
    return wait_until(lock, deadline::after(time));
  }
  template <class Rep, class Period, class Predicate>
  bool wait_for(std::unique_lock<mutex>& lock, std::chrono::duration<Rep, Period> const& time, Predicate done) {
    return impl::wait_on(events_, lock, deadline::after(time), done);
  }

 private:
  impl::event_count events_;
};
static_assert(sizeof(condition_variable) == 8 && std::is_standard_layout_v<condition_variable>,
              "a format in shared memory");

template <> inline constexpr bool enable_shareable<condition_variable> = true;

}  // namespace tandem

#endif  // TANDEM_SYNC_CONDITION_VARIABLE_HPP
