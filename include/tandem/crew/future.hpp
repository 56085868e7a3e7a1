// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_CREW_FUTURE_HPP
#define TANDEM_CREW_FUTURE_HPP

#include <chrono>       // for duration, time_point
#include <coroutine>    // for coroutine_handle
#include <memory>       // for make_shared, shared_ptr, weak_ptr
#include <optional>     // for nullopt, optional
#include <stdexcept>    // for logic_error
#include <type_traits>  // for decay_t, invoke_result_t, is_invocable_v, is_void_v
#include <utility>      // for exchange, forward, move

#include "tandem/core/deadline.hpp"          // for deadline
#include "tandem/core/failure.hpp"           // for failure
#include "tandem/core/outcome.hpp"           // for outcome
#include "tandem/crew/impl/herald.hpp"       // for herald
#include "tandem/crew/impl/pool_board.hpp"   // for pool_worker
#include "tandem/crew/impl/task.hpp"         // for task_phase, task_record
#include "tandem/crew/impl/thread_task.hpp"  // for thread_task, ticket_for
#include "tandem/sync/waitable.hpp"          // for wait_access

namespace tandem {

/// What a limited wait came to, as std::future_status.
enum class future_status { ready, timeout };

template <class R> class future;

namespace impl {

/// A way to a future's task, for those that divide work into several.
struct task_access {
  template <class R> static task_record& record(future<R> const& its) { return its.state().record(); }
};

/// What `then` was given, as a task that takes nothing.
template <class R, class F> class follower_of {
 public:
  follower_of(std::shared_ptr<ticket_for<R>> before, F f) : before_(std::move(before)), f_(std::move(f)) {}
  auto operator()() {
    auto result = future<R>::outcome_of(std::exchange(before_, nullptr));
    if constexpr (std::is_invocable_v<F, outcome<R>>) {
      return std::move(f_)(std::move(result));
    } else if constexpr (std::is_void_v<R>) {
      result.value();
      return std::move(f_)();
    } else {
      return std::move(f_)(std::move(result).value());
    }
  }

 private:
  std::shared_ptr<ticket_for<R>> before_;
  F f_;
};

}  // namespace impl

/// What a task of a pool will come to: std::future's interface, and the outcome.
/// @par Shared memory          No: it belongs to the process that submitted the task.
/// @par Threads and processes  One thread at a time.
/// @par Peer death             The death of its task's worker is an outcome; so nobody waits for the dead.
template <class R> class future {
 public:
  future() noexcept = default;

  /// Whether there is an outcome to wait for: not after get, get_outcome, or a move.
  bool valid() const noexcept { return task_ != nullptr; }

  /// Blocks until the task is over. In a task of the same pool of threads: does it, where nobody has begun it, so that
  /// tasks which wait for tasks of theirs never wait for a worker.
  /// @throws std::logic_error where it is not valid
  void wait() const {
    auto& record = state().record();
    if (record.is_over()) return;
    impl::task_ticket* first = task_.get();
    while (first->before) first = first->before.get();
    impl::pool_worker::help(teller_->board(), first->record());
    record.wait_until(deadline::never());
  }
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
    return outcome_of(std::exchange(task_, nullptr));
  }

  /// A task that nobody has begun fails (ending::lost). One that runs is asked to stop, where it takes a stop_token;
  /// how it ends then is its own affair. Returns whether it had not begun.
  /// @throws std::logic_error where it is not valid
  bool cancel() {
    auto& task = state();
    if (task.fail(impl::task_phase::waiting, 0, failure::lost({}, "the task was cancelled before it began"))) {
      teller_->board().finished.notify_all();
      return true;
    }
    task.stop.request_stop();
    return false;
  }

  /// f(outcome), or f(value), when the task is over, in a thread of the pool's for all of these: so f should be short,
  /// and submit what is not. What it gives, or throws, is in the future that this returns; where f takes a value and
  /// there is none, the failure is. It is called even if nobody keeps that future. This one is not valid afterwards.
  /// @throws std::logic_error where it is not valid; std::system_error  EAGAIN where there can be no further thread
  template <class F> auto then(F&& f) {
    state();
    using follower = impl::follower_of<R, std::decay_t<F>>;
    using result = std::decay_t<std::invoke_result_t<follower&>>;
    auto next = std::make_shared<impl::thread_task<result, follower>>(follower(task_, std::forward<F>(f)));
    next->before = task_;
    teller_->when_over(task_, [next] {
      if (!next->record().begin(0)) return;
      next->record().serve();
      next->record().finish(0);
    });
    task_ = nullptr;
    return future<result>(std::move(next), teller_);
  }

  /// In a coroutine: goes on when the task is over, in the thread of `then`; gives what get() gives.
  auto operator co_await() && {
    state();
    struct awaiter {
      future its;
      bool await_ready() const noexcept { return its.known_ready(); }
      void await_suspend(std::coroutine_handle<> here) {
        // The frame that holds this may be gone before when_over returns.
        auto const teller = its.teller_;
        auto const task = its.task_;
        teller->when_over(task, [here] { here.resume(); });
      }
      R await_resume() { return its.get(); }
    };
    return awaiter{std::move(*this)};
  }

 private:
  template <template <class> class> friend class pool;
  template <class> friend class future;
  template <class, class> friend class impl::follower_of;
  friend struct impl::wait_access;
  friend struct impl::task_access;

  static outcome<R> outcome_of(std::shared_ptr<impl::ticket_for<R>> const& task) {
    if (task->record().phase() == impl::task_phase::failed) return task->why();
    return task->take();
  }

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
