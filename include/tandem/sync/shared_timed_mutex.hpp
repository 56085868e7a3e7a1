// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_SYNC_SHARED_TIMED_MUTEX_HPP
#define TANDEM_SYNC_SHARED_TIMED_MUTEX_HPP

#include <chrono>       // for duration, time_point
#include <type_traits>  // for is_standard_layout_v

#include "tandem/core/deadline.hpp"                // for deadline
#include "tandem/core/shareable.hpp"               // for enable_shareable
#include "tandem/sync/impl/lock_errors.hpp"        // for locked_in_time_or_throw
#include "tandem/sync/impl/shared_lock_word.hpp"   // for shared_lock_word
#include "tandem/sync/impl/shared_mutex_base.hpp"  // for shared_mutex_base
#include "tandem/sync/impl/timed_mutex_base.hpp"   // for timed_mutex_base
#include "tandem/sync/owner_died.hpp"              // for owner_died

namespace tandem {

/// std::shared_timed_mutex ([thread.sharedtimedmutex.class]): shared_mutex, and with deadlines.
/// @par Shared memory          Yes: 576 bytes, as shared_mutex.
/// @par Threads and processes  As shared_mutex.
/// @par Peer death             As shared_mutex.
class shared_timed_mutex
    : public impl::shared_mutex_base<impl::timed_mutex_base<shared_timed_mutex, impl::shared_lock_word>> {
 public:
  constexpr shared_timed_mutex() noexcept = default;
  /// @pre nobody holds it
  ~shared_timed_mutex() = default;

  /// Locks to read if that is possible in time; returns whether it did. @throws as lock_shared
  /// @par Blocks  As lock_shared, until the time is up.
  bool try_lock_shared_until(deadline limit) {
    return taken(impl::locked_in_time_or_throw(word_.lock_shared(limit.since_epoch_ns())));
  }
  template <class Clock, class Duration>
  bool try_lock_shared_until(std::chrono::time_point<Clock, Duration> const& limit) {
    return try_lock_shared_until(deadline::at(limit));
  }
  template <class Rep, class Period> bool try_lock_shared_for(std::chrono::duration<Rep, Period> const& limit) {
    return try_lock_shared_until(deadline::after(limit));
  }
};
static_assert(sizeof(shared_timed_mutex) == 576 && std::is_standard_layout_v<shared_timed_mutex>,
              "a format in shared memory");

template <> inline constexpr bool enable_shareable<shared_timed_mutex> = true;

}  // namespace tandem

#endif  // TANDEM_SYNC_SHARED_TIMED_MUTEX_HPP
