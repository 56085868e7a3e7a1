// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_SYNC_IMPL_WAIT_ON_HPP
#define TANDEM_SYNC_IMPL_WAIT_ON_HPP

#include <condition_variable>  // for cv_status
#include <cstdint>             // for uint32_t

#include "tandem/core/deadline.hpp"          // for deadline
#include "tandem/sync/impl/event_count.hpp"  // for event_count

namespace tandem::impl {

/// What both condition variables do: unlocks, sleeps until a notification that comes after `key`, locks.
/// @throws what `lock.lock()` throws; it is not held then
template <class Lock> std::cv_status wait_on(event_count& events, std::uint32_t key, Lock& lock, deadline until) {
  lock.unlock();
  bool const in_time = events.sleep(key, until.since_epoch_ns());
  // While it locks it has announced the lock to the kernel, no longer the bell: a death there costs the others a slice.
  lock.lock();
  events.finish();
  return in_time ? std::cv_status::no_timeout : std::cv_status::timeout;
}

template <class Lock> std::cv_status wait_on(event_count& events, Lock& lock, deadline until) {
  return wait_on(events, events.prepare(), lock, until);
}

template <class Lock, class Predicate> bool wait_on(event_count& events, Lock& lock, deadline until, Predicate& done) {
  while (!done())
    if (wait_on(events, lock, until) == std::cv_status::timeout) return done();
  return true;
}

}  // namespace tandem::impl

#endif  // TANDEM_SYNC_IMPL_WAIT_ON_HPP
