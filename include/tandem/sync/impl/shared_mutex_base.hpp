// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_SYNC_IMPL_SHARED_MUTEX_BASE_HPP
#define TANDEM_SYNC_IMPL_SHARED_MUTEX_BASE_HPP

#include "tandem/config.hpp"                      // for precondition_failed
#include "tandem/sync/impl/lock_errors.hpp"       // for locked_or_throw, tried_or_throw
#include "tandem/sync/impl/shared_lock_word.hpp"  // for shared_lock_word

namespace tandem::impl {

/// What a shared mutex has besides the members of `Base`: a mutex_base over a shared_lock_word.
template <class Base> class shared_mutex_base : public Base {
 public:
  /// Locks to read: beside other readers, and never beside a writer. Where 128 read already, waits for one to leave.
  /// @post what was done before the last unlock happens before
  /// @throws owner_died where a writer died and nobody has recovered the mutex; std::system_error as lock, above all
  /// where the caller reads already and a writer waits for that to end. Nothing is locked then.
  /// @par Blocks  While somebody writes, or waits to write. @par Cost  One atomic operation where nobody does.
  void lock_shared() {
    this->about_to_wait(false);
    locked_or_throw(this->word_.lock_shared());
    this->taken();
  }

  /// Locks to read if nobody writes, or waits to. @throws as lock_shared, where a writer died
  bool try_lock_shared() { return this->taken(tried_or_throw(this->word_.try_lock_shared())); }

  /// Ends reading. @pre the calling thread reads: otherwise the program ends with a sentence
  /// @par Cost  One atomic operation; a system call more where a writer waits.
  void unlock_shared() noexcept {
    this->left();
    if (!this->word_.unlock_shared())
      precondition_failed("tandem: unlock_shared a mutex: the calling thread has not locked it to read");
  }

 protected:
  constexpr shared_mutex_base() noexcept = default;
  ~shared_mutex_base() = default;
};

}  // namespace tandem::impl

#endif  // TANDEM_SYNC_IMPL_SHARED_MUTEX_BASE_HPP
