// SPDX-License-Identifier: BSL-1.0
// The words that shared mutexes are made of: a lock word for who writes, and for each reader an entry that names it.
//
//     | writer, used lines | line 0: 16 entries | line 1 | ... | line 7 |        one cache line each
//
//   read    CAS(entry: 0 -> me), in the line of one's own where there is room; then a look at the writer's word. If
//           somebody writes, or waits for the readers to leave: out again, and in through the writer's lock, in turn
//   write   lock the writer's word, then wait until each entry is empty, or its reader is dead
//
// No count of readers exists that could be wrong after a death: an entry names its reader, and a dead one's entry is
// emptied by the next writer. A line that was never used is not looked at.
#ifndef TANDEM_SYNC_IMPL_SHARED_LOCK_WORD_HPP
#define TANDEM_SYNC_IMPL_SHARED_LOCK_WORD_HPP

#include <algorithm>  // for min
#include <atomic>     // for atomic
#include <cerrno>     // for errno, ETIMEDOUT
#include <cstdint>    // for int64_t, uint32_t, uintptr_t

#include "tandem/config.hpp"                    // for TANDEM_NOINLINE
#include "tandem/memory/impl/participants.hpp"  // for participants
#include "tandem/memory/impl/region.hpp"        // for family_region
#include "tandem/memory/impl/token.hpp"         // for somebody, token
#include "tandem/os/clock.hpp"                  // for monotonic_ns
#include "tandem/os/futex.hpp"                  // for futex_wait, futex_wait_either, futex_wake, no_deadline
#include "tandem/sync/impl/lock_word.hpp"       // for lock_result, lock_word
#include "tandem/sync/impl/owner.hpp"           // for has_ended, is_participant, owner_mask, prove_ended
#include "tandem/sync/impl/spin.hpp"            // for backoff, spinning_helps

namespace tandem::impl {

class shared_lock_word {
 public:
  static constexpr bool is_recursive = false;

  constexpr shared_lock_word() noexcept = default;

  // As lock_word's. What it takes more, a look at the readers, no writer gets around.

  bool lock_at_once() noexcept { return false; }
  lock_result lock(std::int64_t until = os::no_deadline) { return drained(writer_.lock(until), until); }
  lock_result wait(token, std::int64_t until) { return lock(until); }
  lock_result try_lock() { return drained(writer_.try_lock(), 0); }
  bool unlock() noexcept { return writer_.unlock(); }

  lock_result lock_shared(std::int64_t until = os::no_deadline) {
    return read_at_once() ? lock_result::locked : read_in_turn(writer_.name(), until);
  }
  lock_result try_lock_shared() {
    if (read_at_once()) return lock_result::locked;
    token const me = writer_.name();
    lock_result const result = writer_.try_lock();
    if (result != lock_result::locked) return result;
    bool entered = enter(me) != nullptr;
    if (!entered) {
      empty_the_dead();
      entered = enter(me) != nullptr;
    }
    writer_.unlock();
    return entered ? lock_result::locked : lock_result::timed_out;
  }
  /// False where the caller is no reader.
  bool unlock_shared() noexcept;

  token name() { return writer_.name(); }
  lock_result recover(token me, std::int64_t until, bool& was_abandoned) {
    lock_result const result = writer_.recover(me, until, was_abandoned);
    return result == lock_result::locked ? drained(result, os::no_deadline) : result;
  }
  bool give_up_for_good(token me) noexcept { return writer_.give_up_for_good(me); }

 private:
  using entry = std::atomic<std::uint32_t>;
  static constexpr std::uint32_t sleeps = FUTEX_WAITERS;  // the writer, on this entry
  static constexpr unsigned lines = 8, entries = 16;
  static constexpr std::int64_t slice = 20'000'000;

  struct alignas(64) line {
    entry readers[entries]{};
  };

  /// Where the calling thread looks first: threads spread over the lines.
  static unsigned own_line(token me) noexcept {
    if (me != somebody) return me % lines;
    static constinit thread_local char here = 0;
    return static_cast<unsigned>((reinterpret_cast<std::uintptr_t>(&here) * 0x9e3779b97f4a7c15U) >> 61);
  }

  bool read_at_once() noexcept {
    token const me = participants::name();
    if (me == 0 || !writer_.is_at_home()) return false;
    entry* const mine = enter(me);
    if (mine == nullptr) return false;
    // seq_cst, as our entry: either the writer sees that, or we see the writer
    if (!writer_.is_locked()) return true;
    leave(*mine);
    return false;
  }

  /// Takes an entry; null where all are taken.
  entry* enter(token me) noexcept {
    unsigned const first = own_line(me);
    for (unsigned i = 0; i < lines; ++i) {
      unsigned const at = (first + i) % lines;
      // seq_cst: before the entry, for the writer's eyes as well
      if ((used_.load(std::memory_order_seq_cst) & 1U << at) == 0) used_.fetch_or(1U << at, std::memory_order_seq_cst);
      for (entry& one : lines_[at].readers) {
        std::uint32_t nobody = 0;
        if (one.load(std::memory_order_relaxed) == 0 &&
            one.compare_exchange_strong(nobody, me, std::memory_order_seq_cst, std::memory_order_relaxed))
          return &one;
      }
    }
    return nullptr;
  }

  static void leave(entry& mine) noexcept {
    // release: what was read comes before what the next writer writes
    if ((mine.exchange(0, std::memory_order_release) & sleeps) != 0) os::futex_wake(&mine);
  }

  /// Sleeps until `one` changes, or its reader has ended: then it is emptied. False where the time was up.
  static bool wait_for(entry& one, std::int64_t until) noexcept;

  lock_result read_in_turn(token me, std::int64_t until);
  lock_result drained(lock_result result, std::int64_t until);
  bool reads(token me) const noexcept;
  void empty_the_dead() noexcept;

  lock_word writer_;
  std::atomic<std::uint32_t> used_{0};  // lines in which somebody has ever read
  line lines_[lines]{};
};
static_assert(sizeof(shared_lock_word) == 576, "a format in shared memory");

inline bool shared_lock_word::unlock_shared() noexcept {
  token const me = writer_.is_at_home() ? participants::name() : thread_number::mine();
  for (token const name : {me, somebody}) {  // it may have entered when no other process was in sight
    if (name == 0) continue;
    unsigned const first = own_line(name);
    for (unsigned i = 0; i < lines; ++i) {
      for (entry& one : lines_[(first + i) % lines].readers) {
        if ((one.load(std::memory_order_relaxed) & owner_mask) != name) continue;
        leave(one);
        return true;
      }
    }
  }
  return false;
}

/// Whether the caller has an entry. Not found out for `somebody`.
inline bool shared_lock_word::reads(token me) const noexcept {
  if (me == somebody) return false;
  for (line const& some : lines_)
    for (entry const& one : some.readers)
      if ((one.load(std::memory_order_relaxed) & owner_mask) == me) return true;
  return false;
}

inline bool shared_lock_word::wait_for(entry& one, std::int64_t until) noexcept {
  backoff spin(spinning_helps() ? 100 : 0);
  for (bool slept = false;;) {
    // acquire: pairs with the release of leave; seq_cst besides, see read_at_once
    std::uint32_t seen = one.load(std::memory_order_seq_cst);
    if (seen == 0) return true;
    if (spin.pause()) continue;
    token const reader = seen & owner_mask;
    if (has_ended(reader) || (slept && prove_ended(reader))) {
      // acq_rel: what the dead reader did comes before what follows
      if (one.compare_exchange_strong(seen, 0, std::memory_order_acq_rel)) return true;
      continue;
    }
    std::int64_t const now = os::monotonic_ns();
    if (now >= until) return false;
    // relaxed: the futex looks at the word again before it sleeps
    if ((seen & sleeps) == 0 && !one.compare_exchange_strong(seen, seen | sleeps, std::memory_order_relaxed)) continue;
    seen |= sleeps;
    std::int64_t const limit = std::min(until, now + slice);
    if (!is_participant(reader) || !family_region::exists()) {
      slept = os::futex_wait(&one, seen, limit) != 0 && errno == ETIMEDOUT;
      continue;
    }
    std::uint32_t const alive = participants::word(reader);
    if (participants::has_ended(reader)) continue;  // after the look at its word: that was the word of a living one
    void const* const life = participants::word_of(reader);
    participants::pass_on_wake_up(life);
    slept = os::futex_wait_either(&one, seen, life, alive, limit) < 0 && errno == ETIMEDOUT;
    if (participants::has_ended(reader)) os::futex_wake(life);  // the kernel wakes one of all who watch it
    participants::pass_on_wake_up(nullptr);
  }
}

/// Where it is full, since a writer would come by too late.
inline void shared_lock_word::empty_the_dead() noexcept {
  for (line& some : lines_) {
    for (entry& one : some.readers) {
      std::uint32_t seen = one.load(std::memory_order_acquire);
      // acq_rel: as in wait_for
      if (prove_ended(seen & owner_mask)) one.compare_exchange_strong(seen, 0, std::memory_order_acq_rel);
    }
  }
}

/// In by the writer's lock: so nobody overtakes for ever.
TANDEM_NOINLINE inline lock_result shared_lock_word::read_in_turn(token me, std::int64_t until) {
  if (reads(me)) return lock_result::held_by_caller;  // the writer waits for that to end
  lock_result const result = writer_.lock(until);
  if (result != lock_result::locked) return result;
  bool in_time = true;
  while (enter(me) == nullptr && in_time) {  // full: of the living, or of the dead
    empty_the_dead();
    if (enter(me) != nullptr) break;
    wait_for(lines_[own_line(me)].readers[0], std::min(until, os::monotonic_ns() + slice));
    in_time = os::monotonic_ns() < until;
  }
  writer_.unlock();
  return in_time ? lock_result::locked : lock_result::timed_out;
}

/// Waits until the readers have left; if they do not in time, unlocks.
inline lock_result shared_lock_word::drained(lock_result result, std::int64_t until) {
  if (result != lock_result::locked) return result;
  token const me = writer_.name();
  std::uint32_t const used = used_.load(std::memory_order_seq_cst);
  for (unsigned at = 0; at < lines; ++at) {
    if ((used & 1U << at) == 0) continue;
    for (entry& one : lines_[at].readers) {
      std::uint32_t const seen = one.load(std::memory_order_seq_cst);
      if (seen == 0) continue;
      bool const own = (seen & owner_mask) == me && me != somebody;
      if (!own && wait_for(one, until)) continue;
      writer_.unlock();
      return own ? lock_result::held_by_caller : lock_result::timed_out;
    }
  }
  return lock_result::locked;
}

}  // namespace tandem::impl

#endif  // TANDEM_SYNC_IMPL_SHARED_LOCK_WORD_HPP
