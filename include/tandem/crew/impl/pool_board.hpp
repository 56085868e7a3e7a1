// SPDX-License-Identifier: BSL-1.0
// What a pool and its workers share, and what a worker does.
#ifndef TANDEM_CREW_IMPL_POOL_BOARD_HPP
#define TANDEM_CREW_IMPL_POOL_BOARD_HPP

#include <atomic>   // for atomic
#include <cstddef>  // for size_t
#include <cstdint>  // for int64_t, uint32_t, uint64_t, uintptr_t

#include "tandem/core/shareable.hpp"            // for enable_shareable
#include "tandem/crew/impl/task.hpp"            // for task_record
#include "tandem/memory/shared.hpp"             // for shared
#include "tandem/os/clock.hpp"                  // for monotonic_ns
#include "tandem/queue/acknowledged_queue.hpp"  // for acknowledged_queue
#include "tandem/sync/impl/event_count.hpp"     // for event_count

namespace tandem::impl {

/// The address of a record: the same in all workers.
using task_address = std::uint64_t;

struct pool_board {
  static constexpr std::size_t most_workers = 1024;

  /// What a worker has at hand.
  struct alignas(64) place {
    std::atomic<task_address> task{0};
    std::atomic<std::int64_t> since{0};  // CLOCK_MONOTONIC
  };

  explicit pool_board(std::uint32_t capacity) : tasks(capacity) {}

  acknowledged_queue<task_address> tasks;
  event_count finished;  // where a herald sleeps
  place places[most_workers];
};

}  // namespace tandem::impl

template <> inline constexpr bool tandem::enable_shareable<tandem::impl::pool_board> = true;

namespace tandem::impl {

/// A worker's life: until the pool is closed, or it has done `most_tasks`.
///
/// A task is acknowledged when it has begun: should the worker die before that, another one gets it; should it die
/// later, the pool finds the task in the worker's place.
struct pool_worker {
  void operator()(shared<pool_board> const& board, std::uint32_t number, std::uint64_t most_tasks) const {
    auto& mine = board->places[number];
    for (std::uint64_t done = 0; most_tasks == 0 || done < most_tasks;) {
      auto next = board->tasks.receive();
      if (!next) return;
      auto& task = *reinterpret_cast<task_record*>(static_cast<std::uintptr_t>(**next));
      if (task.is_timed()) mine.since.store(os::monotonic_ns(), std::memory_order_relaxed);
      mine.task.store(**next, std::memory_order_release);
      bool const begun = task.begin(number);
      if (next->acknowledge()) task.has_left_the_queue();  // one that dies in between leaves it for the pool's end
      if (begun) {
        task.serve();
        if (!task.finish(number)) return;
        board->finished.notify_all();
        ++done;
      }
      mine.task.store(0, std::memory_order_release);
    }
  }
};

}  // namespace tandem::impl

#endif  // TANDEM_CREW_IMPL_POOL_BOARD_HPP
