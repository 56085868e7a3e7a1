// SPDX-License-Identifier: BSL-1.0
// What locks throw, by what came of them.
#ifndef TANDEM_SYNC_IMPL_LOCK_ERRORS_HPP
#define TANDEM_SYNC_IMPL_LOCK_ERRORS_HPP

#include <system_error>  // for errc, system_error

#include "tandem/config.hpp"               // for TANDEM_NOINLINE, precondition_failed
#include "tandem/core/errors.hpp"          // for throw_errc
#include "tandem/sync/impl/lock_word.hpp"  // for lock_result
#include "tandem/sync/owner_died.hpp"      // for owner_died

namespace tandem::impl {

[[noreturn]] TANDEM_NOINLINE inline void throw_lock_error(lock_result result) {
  switch (result) {
    case lock_result::abandoned:
      throw owner_died(
          "tandem: lock a mutex: the unit that held it has ended: repair what it protects after recover()");
    case lock_result::unrecoverable:
      throw_errc(std::errc::state_not_recoverable, "lock a mutex", "it was marked unrecoverable");
    case lock_result::too_deep:
      throw_errc(std::errc::resource_unavailable_try_again, "lock a recursive mutex",
                 "the calling thread has locked it as often as can be counted");
    default:
      throw_errc(std::errc::resource_deadlock_would_occur, "lock a mutex", "the calling thread holds it already");
  }
}

/// Whether it is locked; false where the time was up, or others have it.
inline bool locked_or_throw(lock_result result) {
  if (result == lock_result::locked) return true;
  if (result == lock_result::timed_out) return false;
  throw_lock_error(result);
}

/// The same with a deadline: std lets an attempt fail where the count of a recursive mutex is at its end.
inline bool locked_in_time_or_throw(lock_result result) {
  return result != lock_result::too_deep && locked_or_throw(result);
}

/// The same for attempts without waiting, which std allows to fail for no reason: a lock of the caller's own is just
/// not free.
inline bool tried_or_throw(lock_result result) {
  return result != lock_result::held_by_caller && locked_in_time_or_throw(result);
}

/// Always checked, for it costs nothing: what follows a foreign unlock cannot be told any more.
[[noreturn]] TANDEM_NOINLINE inline void not_the_owner() noexcept {
  precondition_failed("tandem: unlock a mutex: the calling thread does not hold it");
}

}  // namespace tandem::impl

#endif  // TANDEM_SYNC_IMPL_LOCK_ERRORS_HPP
