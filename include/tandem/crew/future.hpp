// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_CREW_FUTURE_HPP
#define TANDEM_CREW_FUTURE_HPP

#include <chrono>     // for duration, time_point
#include <memory>     // for shared_ptr
#include <stdexcept>  // for logic_error
#include <utility>    // for exchange, move

#include "tandem/core/deadline.hpp"          // for deadline
#include "tandem/core/outcome.hpp"           // for outcome
#include "tandem/crew/impl/task.hpp"         // for task_phase
#include "tandem/crew/impl/thread_task.hpp"  // for ticket_for

namespace tandem {

/// What a limited wait came to, as std::future_status.
enum class future_status { ready, timeout };

/// What a task of a pool will come to: std::future's interface, and the outcome.
/// @par Shared memory          No: it belongs to the process that submitted the task.
/// @par Threads and processes  One thread at a time.
/// @par Peer death             The death of its task's worker is an outcome; so nobody waits for the dead.
template <class R> class future {
 public:
  future() noexcept = default;

  /// Whether there is an outcome to wait for: not after get, get_outcome, or a move.
  bool valid() const noexcept { return task_ != nullptr; }

  /// Blocks until the task is over.
  /// @throws std::logic_error where it is not valid
  void wait() const { state().record().wait_until(deadline::never()); }
  template <class Rep, class Period> future_status wait_for(std::chrono::duration<Rep, Period> const& time) const {
    return wait_until(deadline::after(time));
  }
  template <class Clock, class Duration>
  future_status wait_until(std::chrono::time_point<Clock, Duration> const& time) const {
    return wait_until(deadline::at(time));
  }
  future_status wait_until(deadline until) const {
    return state().record().wait_until(until) ? future_status::ready : future_status::timeout;
  }

  /// Blocks until the task is over: its value, or what it threw; unit_died where its worker died of it.
  /// @throws also std::logic_error where it is not valid
  R get() { return get_outcome().value(); }

  /// The same as an outcome. @throws std::logic_error where it is not valid
  outcome<R> get_outcome() {
    wait();
    auto const task = std::exchange(task_, nullptr);
    if (task->record().phase() == impl::task_phase::failed) return task->why();
    return task->take();
  }

 private:
  template <template <class> class> friend class pool;

  explicit future(std::shared_ptr<impl::ticket_for<R>> task) noexcept : task_(std::move(task)) {}

  impl::ticket_for<R>& state() const {
    if (!task_) throw std::logic_error("tandem: future: it has no task: its outcome was taken, or it was moved from");
    return *task_;
  }

  std::shared_ptr<impl::ticket_for<R>> task_;
};

}  // namespace tandem

#endif  // TANDEM_CREW_FUTURE_HPP
