// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_SYNC_RECOVERED_LOCK_HPP
#define TANDEM_SYNC_RECOVERED_LOCK_HPP

#include <utility>  // for exchange

namespace tandem {

/// What recover() returns: holds the mutex to the end of its scope, and says whether it was abandoned.
/// @par Shared memory          No: a lock of its scope, as std::lock_guard.
/// @par Threads and processes  Belongs to the thread that locked.
/// @par Peer death             As the mutex that it holds.
template <class Mutex> class [[nodiscard]] recovered_lock {
 public:
  using mutex_type = Mutex;

  /// Takes over a mutex that the calling thread has locked. For the mutexes of the library.
  recovered_lock(Mutex& mutex, bool abandoned) noexcept : mutex_(&mutex), abandoned_(abandoned) {}
  recovered_lock(recovered_lock&& other) noexcept
      : mutex_(std::exchange(other.mutex_, nullptr)), abandoned_(other.abandoned_) {}
  recovered_lock& operator=(recovered_lock&&) = delete;
  ~recovered_lock() { unlock(); }

  /// Whether its owner had died, and this call took the mark away: the data is the caller's to repair.
  bool abandoned() const noexcept { return abandoned_; }

  /// Unlocks before the end of the scope. Does nothing the second time.
  void unlock() noexcept {
    if (Mutex* const held = std::exchange(mutex_, nullptr)) held->unlock();
  }

 private:
  Mutex* mutex_;
  bool abandoned_;
};

}  // namespace tandem

#endif  // TANDEM_SYNC_RECOVERED_LOCK_HPP
