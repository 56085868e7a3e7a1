// SPDX-License-Identifier: BSL-1.0
// An event count whose notifiers publish without a fence: the sleepers pay it for them, by membarrier(2).
#ifndef TANDEM_SYNC_IMPL_LIGHT_EVENT_COUNT_HPP
#define TANDEM_SYNC_IMPL_LIGHT_EVENT_COUNT_HPP

#include <algorithm>  // for min
#include <atomic>     // for atomic, atomic_signal_fence
#include <cstdint>    // for int64_t, uint32_t, uint64_t

#include "tandem/os/clock.hpp"               // for monotonic_ns
#include "tandem/os/membarrier.hpp"          // for fence_others, is_fenced_by_others
#include "tandem/sync/impl/event_count.hpp"  // for event_count, watched_owners

namespace tandem::impl {

/// As event_count, where what is waited for is published by publish().
class light_event_count {
 public:
  static constexpr unsigned most_owners = event_count::most_owners;

  constexpr light_event_count() noexcept = default;

  /// Stores what a sleeper may wait for; release. A notify of the same thread comes behind it in the eyes of whoever
  /// prepares.
  static void publish(std::atomic<std::uint64_t>& word, std::uint64_t value) noexcept {
    if (os::is_fenced_by_others()) {
      word.store(value, std::memory_order_release);
      std::atomic_signal_fence(std::memory_order_seq_cst);
    } else {
      word.store(value, std::memory_order_seq_cst);
    }
  }

  std::uint32_t prepare() {
    std::uint32_t const key = events_.prepare();
    fenced_ = os::fence_others();
    return key;
  }

  bool sleep(std::uint32_t key, std::int64_t until, watched_owners owners = {}) noexcept {
    if (fenced_) return events_.sleep(key, until, owners);
    // Others may publish without a fence that this one cannot pay: it looks again soon.
    std::int64_t const soon = std::min(until, os::monotonic_ns() + 1'000'000);
    return events_.sleep(key, soon, owners) || soon < until;
  }

  void finish() noexcept { events_.finish(); }
  void notify_one() noexcept { events_.notify_one(); }
  void notify_all() noexcept { events_.notify_all(); }

 private:
  event_count events_;
  static inline constinit thread_local bool fenced_ = false;
};
static_assert(sizeof(light_event_count) == 8, "a format in shared memory");

}  // namespace tandem::impl

#endif  // TANDEM_SYNC_IMPL_LIGHT_EVENT_COUNT_HPP
