// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_SYNC_MUTEX_HPP
#define TANDEM_SYNC_MUTEX_HPP

#include <type_traits>  // for is_standard_layout_v

#include "tandem/core/shareable.hpp"         // for enable_shareable
#include "tandem/os/futex.hpp"               // for no_deadline
#include "tandem/sync/impl/lock_errors.hpp"  // for locked_or_throw, not_the_owner, throw_lock_error, tried_or_throw
#include "tandem/sync/impl/lock_word.hpp"    // for lock_result, lock_word
#include "tandem/sync/owner_died.hpp"        // for owner_died
#include "tandem/sync/recovered_lock.hpp"    // for recovered_lock

namespace tandem {

/// std::mutex ([thread.mutex.class]), and it survives its owner: std::lock_guard, std::unique_lock, std::scoped_lock
/// and std::lock work with it.
///
/// As long as no other process is in sight (the program has started none, and uses neither the commons nor other shared
/// memory of the library), it is as std's: nothing is set up, and the end of a thread that holds it is not noticed.
/// @par Shared memory          Yes: 8 bytes without a pointer, in private memory, in the commons, in memory that the
///                             library maps. Construct it once, before others see it.
/// @par Threads and processes  Every member may be called concurrently, except the destructor.
/// @par Peer death             A unit that ends while it holds the lock, in whatever way, leaves it abandoned: each
///                             attempt to lock it throws owner_died until somebody calls recover(). Within a family
///                             sleepers learn of the death by the kernel, within a millisecond; programs that only have
///                             named memory in common, within some 20 milliseconds.
class mutex {
 public:
  constexpr mutex() noexcept = default;
  mutex(mutex const&) = delete;
  mutex& operator=(mutex const&) = delete;
  /// @pre nobody holds it
  ~mutex() = default;

  /// Locks. Who waits is overtaken by newcomers for a millisecond at most, then has its turn.
  /// @post what was done before the last unlock happens before
  /// @throws owner_died where it is abandoned; std::system_error: state_not_recoverable, where it was marked so;
  /// resource_deadlock_would_occur, where the caller holds it (found out as soon as a process is in sight); or where
  /// the thread cannot enrol in the family. Nothing is locked then.
  /// @par Blocks  Until it is free.
  /// @par Cost    One atomic operation where it is free; otherwise it looks again for some microseconds, then sleeps.
  void lock() {
    if (!word_.lock_at_once()) lock_or_throw();
  }

  /// Locks if nobody holds it. @throws as lock
  bool try_lock() { return impl::tried_or_throw(word_.try_lock()); }

  /// Unlocks. @pre the calling thread holds it: otherwise the program ends with a sentence
  /// @par Cost  One atomic operation; a system call more where others wait.
  void unlock() noexcept {
    if (!word_.unlock()) impl::not_the_owner();
  }

  /// Locks, also where the mutex is abandoned: then the mark is gone, and abandoned() of what is returned says so.
  /// @throws std::system_error as lock, but not owner_died
  /// @par Blocks  As lock.
  recovered_lock<mutex> recover() {
    bool was_abandoned;
    auto const result = word_.recover(word_.name(), os::no_deadline, was_abandoned);
    if (result != impl::lock_result::locked) impl::throw_lock_error(result);
    return {*this, was_abandoned};
  }

  /// Gives up for good: everybody's attempts to lock throw from now on (state_not_recoverable), and whoever waits
  /// wakes. The caller's own lock is released; its unlock does nothing. Called twice: as once.
  /// @pre the calling thread holds it, or it is abandoned: otherwise the program ends with a sentence
  void mark_unrecoverable() {
    if (!word_.give_up_for_good(word_.name())) impl::not_the_owner();
  }

 private:
  TANDEM_NOINLINE void lock_or_throw() { impl::locked_or_throw(word_.wait(word_.name(), os::no_deadline)); }

  impl::lock_word word_;
};
static_assert(sizeof(mutex) == 8 && std::is_standard_layout_v<mutex>, "a format in shared memory");

template <> inline constexpr bool enable_shareable<mutex> = true;

}  // namespace tandem

#endif  // TANDEM_SYNC_MUTEX_HPP
