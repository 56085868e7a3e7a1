// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_CREW_FUTURE_HPP
#define TANDEM_CREW_FUTURE_HPP

#include <chrono>     // for duration, time_point
#include <memory>     // for shared_ptr
#include <optional>   // for nullopt, optional
#include <stdexcept>  // for logic_error
#include <utility>    // for exchange, move

#include "tandem/core/deadline.hpp"          // for deadline
#include "tandem/core/outcome.hpp"           // for outcome
#include "tandem/crew/impl/herald.hpp"       // for herald
#include "tandem/crew/impl/task.hpp"         // for task_phase
#include "tandem/crew/impl/thread_task.hpp"  // for ticket_for
#include "tandem/sync/waitable.hpp"          // for wait_access

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

  /// For poll(2), epoll(7): readable when the task is over. Still owned by this object; -1 where it is not valid.
  /// wait_any, wait_all and wait_set take the future itself.
  /// @throws std::system_error  EMFILE, ENFILE, EAGAIN where there can be no further thread
  /// @par Cost  A descriptor, and one thread for all futures of a pool, from the first time on.
  int wait_handle() { return task_ ? teller_->handle_of(task_) : -1; }

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
  friend struct impl::wait_access;

  future(std::shared_ptr<impl::ticket_for<R>> task, std::shared_ptr<impl::herald> teller) noexcept
      : task_(std::move(task)), teller_(std::move(teller)) {}

  bool known_ready() const noexcept { return task_ != nullptr && task_->record().is_over(); }
  std::optional<bool> sleep_until(deadline until) {
    if (!task_) return std::nullopt;
    return task_->record().wait_until(until);
  }

  impl::ticket_for<R>& state() const {
    if (!task_) throw std::logic_error("tandem: future: it has no task: its outcome was taken, or it was moved from");
    return *task_;
  }

  std::shared_ptr<impl::ticket_for<R>> task_;
  std::shared_ptr<impl::herald> teller_;
};

}  // namespace tandem

#endif  // TANDEM_CREW_FUTURE_HPP
