// SPDX-License-Identifier: BSL-1.0
// What the mutexes have in common: their members, over the word that they are made of.
#ifndef TANDEM_SYNC_IMPL_MUTEX_BASE_HPP
#define TANDEM_SYNC_IMPL_MUTEX_BASE_HPP

#include <cstdint>  // for int64_t

#include "tandem/config.hpp"                 // for TANDEM_NOINLINE
#include "tandem/os/futex.hpp"               // for no_deadline
#include "tandem/sync/impl/held_locks.hpp"   // for checks_locks, held_locks, noted_end
#include "tandem/sync/impl/lock_errors.hpp"  // for locked_or_throw, not_the_owner, throw_lock_error
#include "tandem/sync/impl/lock_word.hpp"    // for lock_result
#include "tandem/sync/recovered_lock.hpp"    // for recovered_lock

namespace tandem::impl {

/// Base of `Mutex`. `Word` is lock_word or recursive_lock_word.
template <class Mutex, class Word> class mutex_base : noted_end<checks_locks> {
 public:
  mutex_base(mutex_base const&) = delete;
  mutex_base& operator=(mutex_base const&) = delete;

  /// Locks. Who waits is overtaken by newcomers for a millisecond at most, then has its turn. A recursive mutex that
  /// the caller holds is locked once more.
  /// @post what was done before the last unlock happens before
  /// @throws owner_died where it is abandoned; std::system_error: state_not_recoverable, where it was marked so;
  /// resource_deadlock_would_occur, where the caller holds it and it is not recursive (found out where a process was in
  /// sight when it was locked); resource_unavailable_try_again, where the caller holds it 2^32 - 1 times; or where the
  /// thread cannot enrol in the family. Nothing has changed then.
  /// @par Blocks  Until it is free.
  /// @par Cost    One atomic operation where it is free; otherwise it looks again for some microseconds, then sleeps.
  void lock() {
    about_to_wait();
    if (!word_.lock_at_once()) lock_or_throw();
    taken();
  }

  /// Locks if nobody else holds it. Returns whether it did; false for one that the caller holds and that is not
  /// recursive. @throws as lock where it is abandoned or unrecoverable, or where the thread cannot enrol
  bool try_lock() { return taken(tried_or_throw(word_.try_lock())); }

  /// Unlocks; a recursive mutex: as often as it was locked.
  /// @pre the calling thread holds it: otherwise the program ends with a sentence (found out where a process was in
  /// sight when it was locked, and where nobody holds it)
  /// @par Cost  One atomic operation; a system call more where others wait.
  void unlock() noexcept {
    left();
    if (!word_.unlock()) not_the_owner();
  }

  /// Locks, also where the mutex is abandoned: then the mark is gone, and abandoned() of what is returned says so.
  /// @throws std::system_error as lock, but not owner_died
  /// @par Blocks  As lock.
  recovered_lock<Mutex> recover() {
    bool was_abandoned;
    about_to_wait();
    auto const result = word_.recover(word_.name(), os::no_deadline, was_abandoned);
    if (result != lock_result::locked) throw_lock_error(result);
    taken();
    return {static_cast<Mutex&>(*this), was_abandoned};
  }

  /// Gives up for good: everybody's attempts to lock throw from now on (state_not_recoverable), and whoever waits
  /// wakes. The caller's own lock is released, however often it was locked; its unlocks do nothing. Called twice: as
  /// once.
  /// @pre the calling thread holds it, or it is abandoned: otherwise the program ends with a sentence
  /// @throws std::system_error where the thread cannot enrol in the family
  void mark_unrecoverable() {
    if (!word_.give_up_for_good(word_.name())) not_the_owner();
    left();
  }

 protected:
  constexpr mutex_base() noexcept = default;
  ~mutex_base() = default;

  bool lock_in_time(std::int64_t until) { return taken(locked_in_time_or_throw(word_.lock(until))); }

  // What checked builds note (lock_order.hpp).
  void about_to_wait(bool alone = !Word::is_recursive) {
    if constexpr (checks_locks) {
      if (alone && held_locks::has(this)) throw_lock_error(lock_result::held_by_caller);
      held_locks::want(this);
    }
  }
  bool taken(bool really = true) noexcept {
    if constexpr (checks_locks)
      if (really) held_locks::take(this);
    return really;
  }
  void left() noexcept {
    if constexpr (checks_locks) held_locks::leave(this);
  }

  Word word_;

 private:
  TANDEM_NOINLINE void lock_or_throw() { locked_or_throw(word_.wait(word_.name(), os::no_deadline)); }
};

}  // namespace tandem::impl

#endif  // TANDEM_SYNC_IMPL_MUTEX_BASE_HPP
