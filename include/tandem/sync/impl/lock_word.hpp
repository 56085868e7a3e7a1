// SPDX-License-Identifier: BSL-1.0
// The word that all mutexes are made of. It names its owner, so no list of held locks exists that could overflow, or be
// forged; whoever waits sleeps on the word and on its owner's liveness word at once, and so is woken by the owner's
// end.
//
//     bit 31 sleepers | bit 30 abandoned | bits 29..0 owner
//
//   lock     CAS(0 -> me). A sleeper that comes back takes the lock with the bit `sleepers` set: others may still sleep
//   unlock   CAS(me -> 0); where there are sleepers, exchange(0) and a wake-up for TWO: one will own, the other sleeps
//            again, now on the new owner, whose death would find nobody awake otherwise
//   bury     who finds the owner dead writes `abandoned`, and wakes all; each leaves with that news, holding nothing
//   recover  CAS(abandoned -> me)
//
// What closes the gaps between these steps, where somebody is killed:
//   - An owner that dies between its exchange and its wake-up: the second one, asleep on its liveness word, is woken.
//   - A sleeper that dies with a wake-up that it was given: it has announced the word to the kernel, which wakes one
//     more if the word names nobody then. While it sleeps it has announced the owner's liveness word in the same way.
//   - The kernel wakes one sleeper of a liveness word: that one wakes the others, of both words; they may wait for
//     another lock of the same owner.
//   - Two deaths one after the other leave no wake-up: a sleep lasts 100 ms at most before the owner is looked at.
//
// A newcomer overtakes sleepers, which is what makes a lock fast; but who has waited for a millisecond asks for its
// turn: the next unlock leaves `sleepers` instead of 0, which no newcomer's CAS takes. They give way for a millisecond
// at most, so a death of who asked blocks nobody.
//
// Where owners are numbers of threads (owner.hpp), the word's free state is `untouched` instead of 0: no CAS of the
// fast path fits, and the slow one knows what to do. That is the state that each word begins with, so that its home is
// settled by the first who locks it.
#ifndef TANDEM_SYNC_IMPL_LOCK_WORD_HPP
#define TANDEM_SYNC_IMPL_LOCK_WORD_HPP

#include <linux/futex.h>  // for FUTEX_WAITERS, FUTEX_OWNER_DIED

#include <algorithm>  // for min, max
#include <atomic>     // for atomic
#include <cstdint>    // for int64_t, uint8_t, uint32_t

#include "tandem/config.hpp"                    // for TANDEM_NOINLINE
#include "tandem/memory/impl/participants.hpp"  // for participants
#include "tandem/memory/impl/token.hpp"         // for somebody, token
#include "tandem/os/clock.hpp"                  // for monotonic_ns
#include "tandem/os/futex.hpp"                  // for futex_wait, futex_wait_either, futex_wake, no_deadline
#include "tandem/sync/impl/owner.hpp"           // for has_ended, is_participant, owner_home, owner_mask, prove_ended
#include "tandem/sync/impl/spin.hpp"            // for backoff, spinning_helps

namespace tandem::impl {

/// What came of an attempt to lock.
enum class lock_result : std::uint8_t { locked, timed_out, abandoned, unrecoverable, held_by_caller, too_deep };

/// How a lock waits. The tests have others, to show what each part is there for.
struct lock_policy {
  static constexpr std::int64_t millisecond = 1'000'000;
  static constexpr std::int64_t first_slice = 4 * millisecond, last_slice = 100 * millisecond,
                                last_slice_elsewhere = 16 * millisecond;
  static constexpr int woken_by_unlock = 2;
};

/// 8 bytes without a pointer, for private and for shared memory.
template <class Policy = lock_policy> class basic_lock_word {
 public:
  static constexpr bool is_recursive = false;

  constexpr basic_lock_word() noexcept = default;

  // In the name that plain mutexes use. `until` is in nanoseconds of CLOCK_MONOTONIC.

  /// One atomic operation; false also where it would take more.
  bool lock_at_once() noexcept { return lock_at_once(participants::name()); }

  /// @throws std::system_error as owner_home::name, by which nothing has changed; so do the others below
  lock_result lock(std::int64_t until = os::no_deadline) {
    return lock_at_once() ? lock_result::locked : wait(name(), until);
  }
  lock_result try_lock() { return lock_at_once() ? lock_result::locked : look(name()); }

  /// False where the caller does not hold it: nothing has changed then.
  bool unlock() noexcept {
    token const me = participants::name();
    std::uint32_t seen = me;
    // release: pairs with the acquire of the next owner
    return (me != 0 && word_.compare_exchange_strong(seen, 0, std::memory_order_release, std::memory_order_relaxed)) ||
           give_up(me);
  }

  // In a name that is given: see name_of_thread().

  bool lock_at_once(token me) noexcept {
    std::uint32_t nobody = 0;
    return me != 0 && word_.compare_exchange_strong(nobody, me, locking, std::memory_order_relaxed);
  }

  /// The name that the calling thread locks in: `somebody`, where no other process is in sight.
  token name() { return home_.name(this); }

  /// As name(), but always the thread's own: for locks that count who has them.
  token name_of_thread() { return home_.name_of_thread(this); }

  /// Locks; for who has seen that it is not free, or wants a name of its own.
  lock_result wait(token me, std::int64_t until);
  /// The same without waiting: timed_out where others have it. Finds a dead owner, too.
  lock_result look(token me);
  /// Locks as wait does, and takes an abandoned lock over; `was_abandoned` says which.
  lock_result recover(token me, std::int64_t until, bool& was_abandoned);
  /// Makes it unrecoverable; false where it is neither the caller's nor abandoned.
  bool give_up_for_good(token me) noexcept;
  /// Unlocks, whatever the word's marks are.
  bool give_up(token me) noexcept;

  /// Whether `me`, a name that the calling thread has or had, is the owner.
  bool is_held_by(token me) const noexcept { return is_named(word_.load(std::memory_order_relaxed) & owner_mask, me); }

  /// Whether the names of participants serve here: settled by who locked it first.
  bool is_at_home() const noexcept { return home_.is_here(); }

  /// Whether it is locked, at some moment during the call; abandoned counts.
  bool is_locked() const noexcept {
    std::uint32_t const seen = word_.load(std::memory_order_seq_cst);
    return !is_free(seen) || is_abandoned(seen);
  }

 private:
  static constexpr std::uint32_t sleepers = FUTEX_WAITERS, abandoned = FUTEX_OWNER_DIED;
  static constexpr std::uint32_t untouched = 2U << 22, unrecoverable = abandoned | 3U << 22;
  static_assert(somebody == 1U << 22 && !thread_number::is_one(untouched));

  // acquire: pairs with the release of unlock, and of bury. seq_cst: who writes under a shared_mutex looks for its
  // readers next, whose order is the other way round.
  static constexpr auto locking = std::memory_order_seq_cst;

  static constexpr std::int64_t millisecond = 1'000'000;
  // Two who want it all the time have it in turns as long as the distance between two looks, while the other one's
  // cache is not touched; who looks often enough to come in does not sleep. (docs/explanation/performance.md, S2)
  static constexpr int most_spins = 1000, farthest_look = 256;

  static bool is_abandoned(std::uint32_t seen) noexcept { return (seen & abandoned) != 0; }
  static bool is_free(std::uint32_t seen) noexcept {
    token const owner = seen & owner_mask;
    return owner == 0 || owner == untouched;
  }
  static lock_result report(std::uint32_t seen) noexcept {
    return (seen & ~sleepers) == unrecoverable ? lock_result::unrecoverable : lock_result::abandoned;
  }

  static bool is_named(token owner, token me) noexcept {
    return owner != 0 && (owner == me || (thread_number::is_one(owner) && owner == thread_number::mine()));
  }

  /// What a locker writes over `seen`, a free state.
  std::uint32_t taken(token me, std::uint32_t seen, bool slept) const noexcept {
    return me | (seen & sleepers) | (slept ? sleepers : 0);
  }

  void bury(std::uint32_t seen) noexcept;
  bool sleep(std::uint32_t seen, std::int64_t until) noexcept;
  void adapt(bool slept, int spent) noexcept;

  std::atomic<std::uint32_t> word_{untouched};
  std::atomic<std::uint8_t> spins_{0};     // how many were worth while, lately
  std::atomic<std::uint8_t> starving_{0};  // somebody asks for its turn
  owner_home home_;
};
using lock_word = basic_lock_word<>;
static_assert(sizeof(lock_word) == 8, "a format in shared memory");

template <class Policy> TANDEM_NOINLINE lock_result basic_lock_word<Policy>::wait(token me, std::int64_t until) {
  bool slept = false;
  backoff spin(spinning_helps() ? std::min<int>(most_spins, 10 + 8 * spins_.load(std::memory_order_relaxed)) : 0,
               farthest_look);
  std::int64_t slice = Policy::first_slice, first_sleep = 0;
  lock_result result = lock_result::locked;
  for (;;) {
    std::uint32_t seen = word_.load(std::memory_order_relaxed);
    if (is_abandoned(seen)) {
      if (slept) os::futex_wake(&word_);
      result = report(seen);
      break;
    }
    if (is_free(seen)) {
      if (seen == sleepers && !slept && starving_.load(std::memory_order_relaxed) != 0) {
        slept = true;
        os::futex_wait(&word_, seen, std::min(until, os::monotonic_ns() + millisecond));
        continue;
      }
      if (word_.compare_exchange_strong(seen, taken(me, seen, slept), locking, std::memory_order_relaxed)) break;
      continue;
    }
    token const owner = seen & owner_mask;
    if (owner == me && me != somebody) {
      result = lock_result::held_by_caller;
      break;
    }
    if (spin.pause()) continue;
    if (has_ended(owner) || (!slept && thread_number::is_one(owner) && prove_ended(owner))) {
      bury(seen);
      slept = true;
      continue;
    }
    std::int64_t const now = os::monotonic_ns();
    if (now >= until) {
      if (slept) os::futex_wake(&word_, 1);  // it may have been given a wake-up that others need
      result = lock_result::timed_out;
      break;
    }
    if (first_sleep == 0) first_sleep = now;
    if ((seen & sleepers) == 0) {
      // relaxed: the futex looks at the word again before it sleeps
      if (!word_.compare_exchange_strong(seen, seen | sleepers, std::memory_order_relaxed)) continue;
      seen |= sleepers;
    }
    bool const in_time = sleep(seen, std::min(until, now + slice));
    slept = true;
    slice = std::min(2 * slice, home_.is_here() ? Policy::last_slice : Policy::last_slice_elsewhere);
    participants::pass_on_wake_up(&word_);
    if (os::monotonic_ns() - first_sleep > millisecond) starving_.store(1, std::memory_order_relaxed);
    if (!in_time) {
      seen = word_.load(std::memory_order_relaxed);
      if (!is_free(seen) && !is_abandoned(seen) && prove_ended(seen & owner_mask)) bury(seen);
    }
    spin = backoff(0);
  }
  participants::pass_on_wake_up(nullptr);
  if (slept && starving_.load(std::memory_order_relaxed) != 0) starving_.store(0, std::memory_order_relaxed);
  adapt(slept, spin.spent());
  return result;
}

/// Until the word or the owner's liveness word changes, or a wake-up comes; false where the time was up first.
template <class Policy> bool basic_lock_word<Policy>::sleep(std::uint32_t seen, std::int64_t until) noexcept {
  token const owner = seen & owner_mask;
  if (!is_participant(owner) || !family_region::exists())
    return os::futex_wait(&word_, seen, until) == 0 || errno != ETIMEDOUT;
  void const* const life = participants::word_of(owner);
  std::uint32_t const alive = participants::word(owner);
  if (participants::has_ended(owner)) return true;  // after the look at its word: so that was the word of a living one
  participants::pass_on_wake_up(life);
  int const woken = os::futex_wait_either(&word_, seen, life, alive, until);
  bool const in_time = woken >= 0 || errno != ETIMEDOUT;
  // By its value and not by which of the two woke it: one sleep can use up both wake-ups.
  if (participants::has_ended(owner)) {
    os::futex_wake(life);
    os::futex_wake(&word_);
  }
  return in_time;
}

/// Marks the lock of an owner that has ended.
template <class Policy> void basic_lock_word<Policy>::bury(std::uint32_t seen) noexcept {
  participants::pass_on_wake_up(&word_);
  // acq_rel: takes what the dead wrote from has_ended's acquire, and hands it on to recover's
  word_.compare_exchange_strong(seen, abandoned, std::memory_order_acq_rel, std::memory_order_relaxed);
  os::futex_wake(&word_);  // also where another was first: it may have died since
}

template <class Policy> TANDEM_NOINLINE lock_result basic_lock_word<Policy>::look(token me) {
  for (;;) {
    std::uint32_t seen = word_.load(std::memory_order_relaxed);
    if (is_abandoned(seen)) return report(seen);
    if (is_free(seen)) {
      if (seen == sleepers && starving_.load(std::memory_order_relaxed) != 0) return lock_result::timed_out;
      if (word_.compare_exchange_strong(seen, taken(me, seen, false), locking, std::memory_order_relaxed))
        return lock_result::locked;
      continue;
    }
    token const owner = seen & owner_mask;
    if (owner == me && me != somebody) return lock_result::held_by_caller;
    if (!has_ended(owner) && !(thread_number::is_one(owner) && prove_ended(owner))) return lock_result::timed_out;
    bury(seen);
    participants::pass_on_wake_up(nullptr);
  }
}

template <class Policy>
TANDEM_NOINLINE lock_result basic_lock_word<Policy>::recover(token me, std::int64_t until, bool& was_abandoned) {
  was_abandoned = false;
  for (;;) {
    lock_result const result = lock_at_once(me) ? lock_result::locked : wait(me, until);
    if (result != lock_result::abandoned) return result;
    std::uint32_t seen = word_.load(std::memory_order_relaxed);
    if (!is_abandoned(seen) || report(seen) == lock_result::unrecoverable) continue;
    // With `sleepers`: whoever set the mark may have died before it woke them, and the kernel looks at the word only
    // now.
    if (word_.compare_exchange_strong(seen, me | sleepers, locking, std::memory_order_relaxed)) {
      was_abandoned = true;
      return lock_result::locked;
    }
  }
}

template <class Policy> bool basic_lock_word<Policy>::give_up_for_good(token me) noexcept {
  std::uint32_t seen = word_.load(std::memory_order_relaxed);
  for (;;) {
    if ((seen & ~sleepers) == unrecoverable) return true;
    token const owner = seen & owner_mask;
    if (!is_abandoned(seen) && owner != somebody && !is_named(owner, me) && !prove_ended(owner)) return false;
    if (word_.compare_exchange_weak(seen, unrecoverable, std::memory_order_acq_rel, std::memory_order_relaxed)) break;
  }
  os::futex_wake(&word_);
  return true;
}

template <class Policy> TANDEM_NOINLINE bool basic_lock_word<Policy>::give_up(token me) noexcept {
  std::uint32_t const seen = word_.load(std::memory_order_relaxed);
  token const owner = seen & owner_mask;
  if ((seen & ~sleepers) == unrecoverable) return true;  // its holder made it so
  if (is_abandoned(seen) || is_free(seen)) return false;
  if (owner != somebody && !is_named(owner, me)) return false;
  bool const turn = starving_.load(std::memory_order_relaxed) != 0;
  std::uint32_t const free = turn ? sleepers : thread_number::is_one(owner) ? untouched : 0;
  // release: as in unlock. Nobody but the owner changes an owned word, but for the bit `sleepers`.
  if ((word_.exchange(free, std::memory_order_release) & sleepers) != 0)
    os::futex_wake(&word_, Policy::woken_by_unlock);
  return true;
}

/// How long spinning was worth while, as a moving average over those who did not sleep; sleepers bring it down.
template <class Policy> void basic_lock_word<Policy>::adapt(bool slept, int spent) noexcept {
  int const known = spins_.load(std::memory_order_relaxed);
  int const now = slept ? known - (known + 7) / 8 : known + (std::min(spent, 255) - known) / 8;
  if (now != known) spins_.store(static_cast<std::uint8_t>(now), std::memory_order_relaxed);
}

}  // namespace tandem::impl

#endif  // TANDEM_SYNC_IMPL_LOCK_WORD_HPP
