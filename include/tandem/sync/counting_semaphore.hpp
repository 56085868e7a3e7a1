// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_SYNC_COUNTING_SEMAPHORE_HPP
#define TANDEM_SYNC_COUNTING_SEMAPHORE_HPP

#include <atomic>       // for atomic
#include <chrono>       // for duration, time_point
#include <climits>      // for INT_MAX
#include <cstddef>      // for ptrdiff_t
#include <cstdint>      // for int32_t
#include <type_traits>  // for is_standard_layout_v

#include "tandem/config.hpp"                 // for TANDEM_PRECONDITION
#include "tandem/core/deadline.hpp"          // for deadline
#include "tandem/core/shareable.hpp"         // for enable_shareable
#include "tandem/sync/impl/await.hpp"        // for await
#include "tandem/sync/impl/event_count.hpp"  // for event_count

namespace tandem {

/// std::counting_semaphore ([thread.sema]), in threads and across processes.
/// @par Shared memory          Yes: 12 bytes without a pointer, as mutex.
/// @par Threads and processes  Every member may be called concurrently, except the destructor.
/// @par Peer death             Nobody holds a semaphore, so what a unit acquired is gone with it: `permits` is the kind
///                             that gives it back. No wake-up is lost to the dead: where other processes are in sight,
///                             whoever waits looks for itself every 100 ms at the latest.
template <std::ptrdiff_t LeastMaxValue = INT_MAX> class counting_semaphore {
  static_assert(LeastMaxValue >= 0 && LeastMaxValue <= INT_MAX,
                "tandem: a semaphore counts in 32 bits: its greatest value is 0 to 2 147 483 647");

 public:
  static constexpr std::ptrdiff_t max() noexcept { return LeastMaxValue; }

  /// @pre 0 <= desired <= max()
  constexpr explicit counting_semaphore(std::ptrdiff_t desired) noexcept : count_(static_cast<std::int32_t>(desired)) {
    TANDEM_PRECONDITION(desired >= 0 && desired <= max(),
                        "tandem: counting_semaphore: its value at the start is not between 0 and max()");
  }
  counting_semaphore(counting_semaphore const&) = delete;
  counting_semaphore& operator=(counting_semaphore const&) = delete;
  /// @pre nobody waits
  ~counting_semaphore() = default;

  /// Adds `update` to the count, and wakes as many waiters.
  /// @pre 0 <= update <= max() - the count
  /// @par Blocks  Never. @par Cost  One atomic operation and a load; a system call where somebody sleeps.
  void release(std::ptrdiff_t update = 1) noexcept {
    auto const more = static_cast<std::int32_t>(update);
    // seq_cst: as event_count asks for; and release: pairs with the acquire in try_acquire
    [[maybe_unused]] auto const before = count_.fetch_add(more, std::memory_order_seq_cst);
    TANDEM_PRECONDITION(update >= 0 && update <= max() - before,
                        "tandem: counting_semaphore::release: more than max() allows");
    events_.notify(more);
  }

  /// Takes one off the count as soon as it is above zero.
  /// @throws std::system_error where the thread has to sleep and cannot enrol in the family
  /// @par Blocks  Until then. @par Cost  One atomic operation where the count is above zero.
  void acquire() { try_acquire_until(deadline::never()); }

  /// The same if that is possible at once; never fails for no reason.
  bool try_acquire() noexcept {
    std::int32_t seen = count_.load(std::memory_order_seq_cst);
    while (seen > 0) {
      // acquire: what was done before the release happens before
      if (count_.compare_exchange_weak(seen, seen - 1, std::memory_order_acquire, std::memory_order_relaxed))
        return true;
    }
    return false;
  }

  /// The same if that is possible in time; returns whether it was. @throws as acquire
  bool try_acquire_until(deadline until) {
    return impl::await(events_, until.since_epoch_ns(), [this] { return try_acquire(); });
  }
  template <class Clock, class Duration> bool try_acquire_until(std::chrono::time_point<Clock, Duration> const& until) {
    return try_acquire_until(deadline::at(until));
  }
  template <class Rep, class Period> bool try_acquire_for(std::chrono::duration<Rep, Period> const& time) {
    return try_acquire_until(deadline::after(time));
  }

 private:
  std::atomic<std::int32_t> count_;
  impl::event_count events_;
};

using binary_semaphore = counting_semaphore<1>;

static_assert(sizeof(binary_semaphore) == 12 && std::is_standard_layout_v<binary_semaphore>,
              "a format in shared memory");

template <std::ptrdiff_t Max> inline constexpr bool enable_shareable<counting_semaphore<Max>> = true;

}  // namespace tandem

#endif  // TANDEM_SYNC_COUNTING_SEMAPHORE_HPP
