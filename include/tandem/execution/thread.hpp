// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_EXECUTION_THREAD_HPP
#define TANDEM_EXECUTION_THREAD_HPP

#include <chrono>    // for duration, time_point
#include <memory>    // for unique_ptr
#include <optional>  // for optional
#include <string>    // for string
#include <thread>    // for thread
#include <utility>   // for forward, move, swap

#include "tandem/core/deadline.hpp"                 // for deadline
#include "tandem/core/outcome.hpp"                  // for outcome
#include "tandem/core/resource_usage.hpp"           // for resource_usage
#include "tandem/execution/impl/check_options.hpp"  // for check_thread_options
#include "tandem/execution/impl/native_thread.hpp"  // for native_thread
#include "tandem/execution/impl/thread_state.hpp"   // for thread_state, thread_run
#include "tandem/execution/impl/workload.hpp"       // for result_of, require_workload
#include "tandem/execution/options.hpp"             // for options
#include "tandem/execution/unit_id.hpp"             // for unit_id
#include "tandem/sync/stop_token.hpp"               // for stop_source, stop_token
#include "tandem/sync/waitable.hpp"                 // for wait_access

namespace tandem {

/// A unit that shares memory and resources with its starter: a superset of std::jthread whose join gives an outcome.
/// Deduces its result: `thread t{f, arguments...}` or `thread t{{.name = "parser"}, f, arguments...}`. An exception
/// ends the thread only, and is in its outcome; a crash ends the process, and all its threads.
/// @par Shared memory          No: the handle belongs to its process.
/// @par Threads and processes  One handle is for one thread at a time; what refers to its stop state is free.
/// @par Peer death             A thread cannot die alone.
template <class R = void> class thread {
 public:
  using result_type = R;
  using id = unit_id;
  using native_handle_type = std::thread::native_handle_type;

  /// No unit.
  thread() noexcept = default;

  /// Starts `f(arguments...)`, or `f(stop_token, arguments...)` where f takes one, each decay-copied as by
  /// std::jthread.
  /// @throws std::system_error where no thread can be started, or not as `options` asks: the step, the member;
  /// std::invalid_argument naming a member that a thread cannot have, or a value that cannot be; what the copies throw.
  /// No thread is left then.
  template <class F, class... A>
    requires(!impl::is_options<F> && !std::is_same_v<std::remove_cvref_t<F>, thread>)
  explicit thread(F&& f, A&&... arguments) : thread(options{}, std::forward<F>(f), std::forward<A>(arguments)...) {}

  template <class F, class... A> explicit thread(options how, F&& f, A&&... arguments) {
    impl::require_workload<impl::thread_rules, F, A...>();
    using run = impl::thread_run<R, impl::workload<impl::thread_rules, F, A...>>;
    impl::check_thread_options(how);
    auto* const started = new run(std::move(how.name), std::forward<F>(f), std::forward<A>(arguments)...);
    state_.reset(started);
    native_ = impl::start_thread(started, how);
  }

  thread(thread&& other) noexcept = default;
  thread& operator=(thread&& other) noexcept {
    if (this != &other) {
      end();
      state_ = std::move(other.state_);
      native_ = std::move(other.native_);
    }
    return *this;
  }

  /// Requests a stop and joins, as std::jthread's. A failure that nobody saw goes to the unobserved-failure handler.
  ~thread() { end(); }

  /// Blocks until the thread has ended and hands its outcome over; the handle owns no unit then.
  /// @throws std::system_error: invalid_argument where it owns none, resource_deadlock_would_occur in the thread itself
  outcome<R> join() {
    require_joinable("join");
    native_.join();
    return take();
  }

  /// The outcome if the thread has published it, which it does right before it ends; as join then.
  std::optional<outcome<R>> try_join() { return join_until(deadline::after(std::chrono::nanoseconds(0))); }
  template <class Rep, class Period> std::optional<outcome<R>> join_for(std::chrono::duration<Rep, Period> time) {
    return join_until(deadline::after(time));
  }
  template <class Clock, class Duration>
  std::optional<outcome<R>> join_until(std::chrono::time_point<Clock, Duration> time) {
    return join_until(deadline::at(time));
  }
  /// Blocks until the thread has ended, as join, or until `until`: std::nullopt, and the handle still owns it.
  std::optional<outcome<R>> join_until(deadline until) {
    require_joinable("join");
    if (!state_->wait_until(until)) return std::nullopt;
    return join();
  }

  /// Blocks until the outcome is published. The handle still owns the unit, and the outcome: join hands it over.
  /// @throws std::system_error as join
  outcome<R>& get_outcome() {
    require_joinable("get_outcome");
    state_->wait_until(deadline::never());
    return state_->get();
  }

  bool joinable() const noexcept { return state_ != nullptr; }
  unit_id get_id() const noexcept { return state_ ? state_->id() : unit_id{}; }
  native_handle_type native_handle() { return native_.id(); }
  /// A descriptor that is readable once the outcome is published: for poll and epoll. Made when it is first asked for;
  /// it stays the handle's, until the join; -1 where it owns no unit.
  /// @throws std::system_error  EMFILE, ENFILE; resource_deadlock_would_occur in the thread itself
  int wait_handle() {
    if (!joinable()) return -1;
    require_joinable("wait");
    return state_->wait_handle();
  }
  /// The name given, or the one made for it; empty where the handle owns no unit.
  std::string name() const { return state_ ? state_->name() : std::string(); }

  /// Lets the thread run on by itself. Its failure, if it comes to one, goes to the unobserved-failure handler.
  /// @throws std::system_error (invalid_argument) where the handle owns no unit
  void detach() {
    if (!joinable()) impl::throw_no_unit("detach");
    native_.detach();
    state_.reset();
  }

  /// What the thread has used so far; in all, once it has published its outcome, but for what it read and wrote. Fields
  /// of memory are empty: that is its process's. After a join a failure knows it (failure::usage), a value does not.
  /// @throws std::system_error (invalid_argument) where the handle owns no unit
  resource_usage usage() const {
    if (!joinable()) impl::throw_no_unit("usage");
    return state_->usage(native_.id());
  }

  bool request_stop() noexcept { return state_ && state_->stop().request_stop(); }
  stop_source get_stop_source() const { return state_ ? state_->stop() : stop_source(nostopstate); }
  stop_token get_stop_token() const { return state_ ? state_->stop().get_token() : stop_token(); }

  void swap(thread& other) noexcept {
    state_.swap(other.state_);
    native_.swap(other.native_);
  }
  friend void swap(thread& a, thread& b) noexcept { a.swap(b); }

  static unsigned hardware_concurrency() noexcept { return std::thread::hardware_concurrency(); }

 private:
  friend struct impl::wait_access;

  bool known_ready() const noexcept { return state_ && state_->is_published(); }
  std::optional<bool> sleep_until(deadline until) {
    if (!joinable()) return std::nullopt;
    require_joinable("wait");
    return state_->wait_until(until);
  }

  void require_joinable(char const* call) const {
    if (!joinable()) impl::throw_no_unit(call);
    if (native_.is_this_thread()) impl::throw_joins_itself(call);
  }

  outcome<R> take() {
    auto const state = std::move(state_);
    return std::move(state->get());
  }

  void end() noexcept {
    if (!joinable()) return;
    request_stop();
    native_.join();
    state_.reset();
  }

  impl::thread_state_pointer<R> state_;
  impl::native_thread native_;
};

template <class F, class... A>
  requires(!impl::is_options<F>)
thread(F&&, A&&...)
->thread<impl::result_of<impl::thread_rules, F, A...>>;
template <class F, class... A> thread(options, F&&, A&&...) -> thread<impl::result_of<impl::thread_rules, F, A...>>;

}  // namespace tandem

#endif  // TANDEM_EXECUTION_THREAD_HPP
