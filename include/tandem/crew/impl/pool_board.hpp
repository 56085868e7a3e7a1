// SPDX-License-Identifier: BSL-1.0
// What a pool and its workers share, and what a worker does.
#ifndef TANDEM_CREW_IMPL_POOL_BOARD_HPP
#define TANDEM_CREW_IMPL_POOL_BOARD_HPP

#include <atomic>    // for atomic
#include <cstddef>   // for size_t
#include <cstdint>   // for int64_t, uint32_t, uint64_t, uintptr_t
#include <optional>  // for nullopt, optional

#include "tandem/core/shareable.hpp"            // for enable_shareable
#include "tandem/crew/impl/task.hpp"            // for task_record
#include "tandem/crew/pool_options.hpp"         // for priority
#include "tandem/execution/this_unit.hpp"       // for this_unit
#include "tandem/memory/shared.hpp"             // for shared
#include "tandem/os/clock.hpp"                  // for monotonic_ns
#include "tandem/queue/acknowledged_queue.hpp"  // for acknowledged_queue
#include "tandem/queue/delivery.hpp"            // for delivery
#include "tandem/sync/impl/event_count.hpp"     // for event_count
#include "tandem/sync/stop_token.hpp"           // for stop_token

namespace tandem::impl {

/// The address of a record: the same in all workers.
using task_address = std::uint64_t;

struct pool_board {
  static constexpr std::size_t most_workers = 1024;
  /// In `tasks`: there is one of another priority.
  static constexpr task_address hint = 0;

  /// What a worker has at hand.
  struct alignas(64) place {
    std::atomic<task_address> task{0};
    std::atomic<std::int64_t> since{0};  // CLOCK_MONOTONIC
    std::atomic<bool> ready{false};      // it has begun to work
  };

  explicit pool_board(std::uint32_t capacity) : tasks(capacity), urgent(capacity), patient(capacity) {}

  acknowledged_queue<task_address>& of(priority which) noexcept {
    return which == priority::high ? urgent : which == priority::low ? patient : tasks;
  }

  acknowledged_queue<task_address> tasks, urgent, patient;
  std::atomic<bool> has_priorities{false};
  event_count finished;  // where a herald sleeps, and who waits for one of several
  place places[most_workers];
};

}  // namespace tandem::impl

template <> inline constexpr bool tandem::enable_shareable<tandem::impl::pool_board> = true;

namespace tandem::impl {

/// The calling thread, where it is a worker.
struct at_work {
  pool_board* board = nullptr;
  std::uint32_t number = 0;
};
inline thread_local at_work this_worker;

/// A worker's life: until the pool is closed, or has no need of it, or it has done `most_tasks`.
///
/// A task is acknowledged when it has begun: should the worker die before that, another one gets it; should it die
/// later, the pool finds the task in the worker's place.
struct pool_worker {
  using delivered = std::optional<delivery<task_address>>;

  void operator()(shared<pool_board> const& board, std::uint32_t number, std::uint64_t most_tasks) const {
    auto& mine = board->places[number];
    this_worker = {board.get(), number};
    mine.ready.store(true, std::memory_order_release);
    auto const retired = this_unit::get_stop_token();
    for (std::uint64_t done = 0; most_tasks == 0 || done < most_tasks;) {
      if (retired.stop_requested()) return;
      auto next = take(*board, retired);
      if (!next) return;
      if (**next == pool_board::hint) {
        next->acknowledge();
        continue;
      }
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

  /// Runs `task` here and now, where the calling thread is a worker of that pool and nobody has begun it: one who waits
  /// for it, and for nothing else, cannot keep the pool from it.
  static bool help(pool_board& board, task_record& task) {
    if (this_worker.board != &board || !task.begin(this_worker.number)) return false;
    auto& mine = board.places[this_worker.number];
    auto const outer = mine.task.exchange(reinterpret_cast<std::uintptr_t>(&task), std::memory_order_acq_rel);
    task.serve();
    if (task.finish(this_worker.number)) board.finished.notify_all();
    mine.task.store(outer, std::memory_order_release);
    return true;
  }

 private:
  static delivered take(pool_board& board, stop_token const& retired) {
    if (board.has_priorities.load(std::memory_order_acquire)) {
      for (auto* const queue : {&board.urgent, &board.tasks, &board.patient})
        if (auto next = queue->try_receive()) return next;
    }
    if (auto next = board.tasks.receive(retired)) return next;
    if (retired.stop_requested()) return std::nullopt;
    if (auto next = board.urgent.receive()) return next;  // closed, as all of them are
    return board.patient.receive();
  }
};

}  // namespace tandem::impl

#endif  // TANDEM_CREW_IMPL_POOL_BOARD_HPP
