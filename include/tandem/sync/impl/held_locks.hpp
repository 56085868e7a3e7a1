// SPDX-License-Identifier: BSL-1.0
// What checked builds know of locks: which ones each thread holds, and in which orders any two were taken (as Linux's
// lockdep does, for pairs).
#ifndef TANDEM_SYNC_IMPL_HELD_LOCKS_HPP
#define TANDEM_SYNC_IMPL_HELD_LOCKS_HPP

#include <pthread.h>  // for pthread_atfork, pthread_getname_np

#include <atomic>   // for atomic
#include <cstddef>  // for size_t
#include <cstdint>  // for uintptr_t

#include "tandem/config.hpp"            // for TANDEM_CHECKED, TANDEM_NOINLINE
#include "tandem/os/process_table.hpp"  // for thread_id
#include "tandem/sync/lock_order.hpp"   // for lock_order_violation, lock_taker, told_of_lock_order

namespace tandem::impl {

inline constexpr bool checks_locks = TANDEM_CHECKED != 0;

/// The locks of the calling thread. Of more than 16 at once the last ones are not known.
class held_locks {
 public:
  /// Whether the caller holds it.
  static bool has(void const* lock) noexcept {
    for (unsigned i = 0; i < count_; ++i)
      if (held_[i] == lock) return true;
    return false;
  }

  /// The caller is about to wait for it, as long as it takes.
  static void want(void const* lock) noexcept {
    if (count_ != 0 && !has(lock)) look_at_orders(lock);
  }

  static void take(void const* lock) noexcept {
    if (count_ == most) return;
    if (count_ == 0) forget_after_forks();
    held_[count_++] = lock;
  }

  static void leave(void const* lock) noexcept {
    for (unsigned i = count_; i-- > 0;) {
      if (held_[i] != lock) continue;
      --count_;
      for (; i < count_; ++i) held_[i] = held_[i + 1];
      return;
    }
  }

  /// The lock is no more; another may come to lie in its place.
  static void forget(void const* lock) noexcept {
    if (known_orders_.load(std::memory_order_relaxed) == 0) return;
    for (order& one : orders_) {
      if (one.first.load(std::memory_order_relaxed) != lock && one.second.load(std::memory_order_relaxed) != lock)
        continue;
      one.second.store(nullptr, std::memory_order_relaxed);
      one.first.store(nullptr, std::memory_order_release);  // pairs with remember's acquire
      known_orders_.fetch_sub(1, std::memory_order_relaxed);
    }
  }

 private:
  static constexpr unsigned most = 16;
  static constexpr std::size_t orders = 1024, places = 8;

  /// `second` was taken by one who held `first`. Free where it has no `first`.
  struct order {
    std::atomic<void const*> first, second;
    std::atomic<bool> told;
    lock_taker who;
  };

  TANDEM_NOINLINE static void look_at_orders(void const* lock) noexcept {
    for (unsigned i = 0; i < count_; ++i) {
      order* const reverse = find(lock, held_[i]);
      if (reverse == nullptr) {
        remember(held_[i], lock);
      } else if (!reverse->told.exchange(true, std::memory_order_relaxed)) {
        told_of_lock_order.load(std::memory_order_acquire)({held_[i], lock, caller(), reverse->who});
      }
    }
  }

  static order* find(void const* first, void const* second) noexcept {
    std::size_t const begin = place_of(first, second);
    for (std::size_t i = 0; i < places; ++i) {
      order& one = orders_[(begin + i) % orders];
      // acquire: pairs with remember's release
      if (one.second.load(std::memory_order_acquire) == second && one.first.load(std::memory_order_relaxed) == first)
        return &one;
    }
    return nullptr;
  }

  /// Not where all its places are taken: this finds what it can.
  static void remember(void const* first, void const* second) noexcept {
    if (find(first, second) != nullptr) return;
    std::size_t const begin = place_of(first, second);
    for (std::size_t i = 0; i < places; ++i) {
      order& one = orders_[(begin + i) % orders];
      void const* nothing = nullptr;
      if (!one.first.compare_exchange_strong(nothing, first, std::memory_order_acquire)) continue;
      one.who = caller();
      one.told.store(false, std::memory_order_relaxed);
      known_orders_.fetch_add(1, std::memory_order_relaxed);
      one.second.store(second, std::memory_order_release);
      return;
    }
  }

  static std::size_t place_of(void const* first, void const* second) noexcept {
    auto const bits = reinterpret_cast<std::uintptr_t>(first) * 0x9e3779b97f4a7c15U ^
                      reinterpret_cast<std::uintptr_t>(second) * 0xc2b2ae3d27d4eb4fU;
    return (bits >> 32) % orders;
  }

  static lock_taker caller() noexcept {
    lock_taker me{os::thread_id(), {}};
    ::pthread_getname_np(::pthread_self(), me.name, sizeof me.name);
    return me;
  }

  /// A forked child does not hold its parent's locks.
  static void forget_after_forks() noexcept {
    static int const once = ::pthread_atfork(nullptr, nullptr, [] { count_ = 0; });
    static_cast<void>(once);
  }

  static inline constinit thread_local void const* held_[most]{};
  static inline constinit thread_local unsigned count_ = 0;
  static inline constinit order orders_[orders]{};
  static inline constinit std::atomic<unsigned> known_orders_{0};
};

/// Base of a lock, at its address.
template <bool Checked> struct noted_end {};
template <> struct noted_end<true> {
  ~noted_end() { held_locks::forget(this); }
};

}  // namespace tandem::impl

#endif  // TANDEM_SYNC_IMPL_HELD_LOCKS_HPP
