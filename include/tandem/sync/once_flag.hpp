// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_SYNC_ONCE_FLAG_HPP
#define TANDEM_SYNC_ONCE_FLAG_HPP

#include <atomic>       // for atomic
#include <cstdint>      // for uint32_t
#include <tuple>        // for apply, forward_as_tuple
#include <type_traits>  // for is_standard_layout_v
#include <utility>      // for forward

#include "tandem/config.hpp"                 // for TANDEM_NOINLINE
#include "tandem/core/shareable.hpp"         // for enable_shareable
#include "tandem/os/futex.hpp"               // for no_deadline
#include "tandem/sync/impl/lock_errors.hpp"  // for throw_lock_error
#include "tandem/sync/impl/lock_word.hpp"    // for lock_result, lock_word

namespace tandem {

/// std::once_flag ([thread.once.onceflag]): for call_once, in threads and across processes.
/// @par Shared memory          Yes: 12 bytes without a pointer, as mutex.
/// @par Threads and processes  call_once may be called concurrently.
/// @par Peer death             A unit that dies inside has not done it: the next caller, or one that waits, does it
/// again.
class once_flag {
 public:
  constexpr once_flag() noexcept = default;
  once_flag(once_flag const&) = delete;
  once_flag& operator=(once_flag const&) = delete;
  ~once_flag() = default;

 private:
  template <class F, class... A> friend void call_once(once_flag& flag, F&& function, A&&... arguments);

  // acquire: pairs with the release below; what the function did happens before every return of call_once
  bool is_done() const noexcept { return done_.load(std::memory_order_acquire) != 0; }

  /// Alone inside, whoever died there before.
  TANDEM_NOINLINE void enter() {
    bool abandoned;
    auto const result = lock_.recover(lock_.name(), os::no_deadline, abandoned);
    if (result != impl::lock_result::locked) impl::throw_lock_error(result);
  }

  std::atomic<std::uint32_t> done_{0};
  impl::lock_word lock_;
};
static_assert(sizeof(once_flag) == 12 && std::is_standard_layout_v<once_flag>, "a format in shared memory");

template <> inline constexpr bool enable_shareable<once_flag> = true;

/// Calls `function(arguments...)` if no call with this flag has come to its end before; otherwise waits for that. A
/// call that ends by an exception, or by a death, does not count.
/// @throws what `function` throws; std::system_error where the thread cannot enrol in the family, or has to wait for
/// itself
/// @par Cost  One load, once it is done.
template <class F, class... A> void call_once(once_flag& flag, F&& function, A&&... arguments) {
  if (flag.is_done()) return;
  flag.enter();
  struct left {
    once_flag& flag;
    ~left() { flag.lock_.unlock(); }
  } const at_end{flag};
  if (flag.is_done()) return;
  std::apply(std::forward<F>(function), std::forward_as_tuple(std::forward<A>(arguments)...));  // std::invoke
  flag.done_.store(1, std::memory_order_release);
}

}  // namespace tandem

#endif  // TANDEM_SYNC_ONCE_FLAG_HPP
