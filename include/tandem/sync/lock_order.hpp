// SPDX-License-Identifier: BSL-1.0
// In checked builds (TANDEM_CHECKED; by default those without NDEBUG): who locks in an order that may end in a
// deadlock.
#ifndef TANDEM_SYNC_LOCK_ORDER_HPP
#define TANDEM_SYNC_LOCK_ORDER_HPP

#include <sys/types.h>  // for pid_t

#include <atomic>  // for atomic
#include <cstdio>  // for fprintf, stderr

namespace tandem {

/// Who locked: a thread, by its number, and its name as the system shows it.
struct lock_taker {
  pid_t thread;
  char name[16];
};

/// Two locks that were taken in both orders: the units that do so wait for each other for ever, should they do so at
/// once.
struct lock_order_violation {
  void const* held;    ///< what `now` holds, and `before` wanted
  void const* wanted;  ///< what `now` wants, and `before` held
  lock_taker now;      ///< the calling thread
  lock_taker before;   ///< the first one that took them in the other order
};

/// Is told of each pair of locks, once, in the thread that has found it, before that one waits.
using lock_order_handler = void (*)(lock_order_violation const&) noexcept;

namespace impl {

inline void print_lock_order(lock_order_violation const& found) noexcept {
  std::fprintf(
      stderr,
      "tandem: locks in two orders, which may end in a deadlock: thread %d '%s' wants %p and holds %p, thread %d "
      "'%s' has done the reverse\n",
      static_cast<int>(found.now.thread), found.now.name, found.wanted, found.held,
      static_cast<int>(found.before.thread), found.before.name);
}

inline constinit std::atomic<lock_order_handler> told_of_lock_order{&print_lock_order};

}  // namespace impl

/// From now on, tells `handler` of locks in two orders; nullptr: one line on stderr for each pair, the default. Found
/// out in checked builds alone, for locks of tandem, within one process, between lock() and unlock(); attempts that do
/// not wait for ever (try_lock, std::lock) count as held, not as wanted.
/// @return the handler before
/// @par Threads  May be called at any time.
inline lock_order_handler set_lock_order_handler(lock_order_handler handler) noexcept {
  return impl::told_of_lock_order.exchange(handler == nullptr ? &impl::print_lock_order : handler,
                                           std::memory_order_acq_rel);
}

}  // namespace tandem

#endif  // TANDEM_SYNC_LOCK_ORDER_HPP
