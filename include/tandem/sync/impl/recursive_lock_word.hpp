// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_SYNC_IMPL_RECURSIVE_LOCK_WORD_HPP
#define TANDEM_SYNC_IMPL_RECURSIVE_LOCK_WORD_HPP

#include <cstdint>  // for int64_t, uint32_t, UINT32_MAX

#include "tandem/memory/impl/participants.hpp"  // for participants
#include "tandem/memory/impl/token.hpp"         // for token
#include "tandem/sync/impl/lock_word.hpp"       // for lock_result, lock_word

namespace tandem::impl {

/// A lock_word with a count of how often its owner has locked it: lock_word's members, in their meaning. Only the owner
/// reads or writes the count, so what a dead one left in it does not matter.
///
/// Its owner has a name of its own also where no process is in sight: the number of the thread. Who has locked it under
/// its number, and enrols in a family then, is known by both names.
class recursive_lock_word {
 public:
  static constexpr bool is_recursive = true;

  constexpr recursive_lock_word() noexcept = default;

  bool lock_at_once() noexcept {
    if (!word_.lock_at_once(participants::self_or_none())) return false;
    depth_ = 1;
    return true;
  }

  lock_result lock(std::int64_t until) { return lock_at_once() ? lock_result::locked : wait(name(), until); }

  lock_result try_lock() {
    if (lock_at_once()) return lock_result::locked;
    token const me = name();
    return enter(me, [&] { return word_.look(me); });
  }

  bool unlock() noexcept {
    if (depth_ > 1 && word_.is_held_by(participants::name())) {
      --depth_;
      return true;
    }
    return word_.unlock();
  }

  token name() { return word_.name_of_thread(); }

  lock_result wait(token me, std::int64_t until) {
    return enter(me, [&] { return word_.wait(me, until); });
  }

  lock_result recover(token me, std::int64_t until, bool& was_abandoned) {
    was_abandoned = false;
    return enter(me, [&] { return word_.recover(me, until, was_abandoned); });
  }

  bool give_up_for_good(token me) noexcept { return word_.give_up_for_good(me); }

 private:
  /// One deeper where `me` has it already; otherwise what `lock` does.
  template <class Lock> lock_result enter(token me, Lock lock) {
    if (word_.is_held_by(me)) {
      if (depth_ == UINT32_MAX) return lock_result::too_deep;
      ++depth_;
      return lock_result::locked;
    }
    lock_result const result = lock();
    if (result == lock_result::locked) depth_ = 1;
    return result;
  }

  lock_word word_;
  std::uint32_t depth_ = 0;
};
static_assert(sizeof(recursive_lock_word) == 12, "a format in shared memory");

}  // namespace tandem::impl

#endif  // TANDEM_SYNC_IMPL_RECURSIVE_LOCK_WORD_HPP
