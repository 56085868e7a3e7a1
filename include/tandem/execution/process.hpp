// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_EXECUTION_PROCESS_HPP
#define TANDEM_EXECUTION_PROCESS_HPP

#include <signal.h>     // for SIGCONT, SIGKILL, SIGSTOP, SIGTERM
#include <sys/types.h>  // for pid_t

#include <chrono>    // for duration, time_point
#include <memory>    // for unique_ptr
#include <optional>  // for optional
#include <string>    // for string
#include <utility>   // for forward, move, swap

#include "tandem/core/deadline.hpp"                 // for deadline
#include "tandem/core/outcome.hpp"                  // for outcome
#include "tandem/core/resource_usage.hpp"           // for resource_usage
#include "tandem/execution/impl/detached.hpp"       // for detached
#include "tandem/execution/impl/kill_tree.hpp"      // for kill_tree
#include "tandem/execution/impl/process_state.hpp"  // for process_state
#include "tandem/execution/impl/start_process.hpp"  // for start_process
#include "tandem/execution/impl/thread_state.hpp"   // for throw_no_unit
#include "tandem/execution/impl/workload.hpp"       // for require_workload, result_of
#include "tandem/execution/options.hpp"             // for options
#include "tandem/execution/unit_id.hpp"             // for unit_id
#include "tandem/sync/stop_token.hpp"               // for stop_source, stop_token
#include "tandem/sync/waitable.hpp"                 // for wait_access

namespace tandem {

/// A unit with its own memory and resources: a forked child that runs a workload, with the interface of tandem::thread.
/// It shares with its starter what was declared shared (shared<T>, the commons), and what the kernel shares between a
/// forked child and its parent (open files). Its outcome is a value, an exception, or how it died: whatever it does,
/// its starter goes on.
///
/// The child starts from a copy of its starter's memory, in which only the calling thread goes on (fork(2)). It leaves
/// by _exit: what it wrote to C streams is flushed, and neither its starter's exit handlers and static destructors nor
/// the destructors of its starter's local variables run in it.
/// @par Shared memory          No: the handle belongs to the process that started the unit; in a forked child of the
/// host's own making its members throw
///                             std::system_error (operation_not_permitted), and its destructor does nothing.
/// @par Threads and processes  One handle is for one thread at a time. May be started from a program with threads: what
/// the workload calls must not need a lock
///                             that another thread may have held at the fork (malloc and stdio are safe).
/// @par Peer death             Known by a process descriptor, at once. The host's own wait(-1), SIGCHLD handlers and
/// SIG_IGN take nothing away from
///                             outcomes that were returned or thrown; how it exited or was killed may be lost to them
///                             on kernels before 6.15 (ending::lost).
template <class R = void> class process {
 public:
  using result_type = R;
  using id = unit_id;
  using native_handle_type = int;

  /// No unit.
  process() noexcept = default;

  /// Starts `f(arguments...)`, or `f(stop_token, arguments...)` where f takes one. f may be any callable; arguments and
  /// result must be transferable; a string literal arrives as std::string, borrow(x) as T const&, an fd as an open
  /// descriptor.
  /// @throws std::system_error naming the step that failed, and the member of `options` where it was that;
  /// std::invalid_argument naming a member whose value cannot be; std::bad_alloc, what the copies throw; no child is
  /// left then
  template <class F, class... A>
    requires(!impl::is_options<F> && !std::is_same_v<std::remove_cvref_t<F>, process>)
  explicit process(F&& f, A&&... arguments) : process(options{}, std::forward<F>(f), std::forward<A>(arguments)...) {}

  template <class F, class... A> explicit process(options how, F&& f, A&&... arguments) {
    impl::require_workload<impl::process_rules, F, A...>();
    impl::detached::reap();
    state_ = impl::start_process<R>(how, std::forward<F>(f), std::forward<A>(arguments)...);
  }

  process(process&&) noexcept = default;
  process& operator=(process&& other) noexcept {
    if (this != &other) {
      end();
      state_ = std::move(other.state_);
      kept_ = std::move(other.kept_);
    }
    return *this;
  }

  /// Requests a stop and joins, as std::jthread's. A failure that nobody saw goes to the unobserved-failure handler.
  ~process() { end(); }

  /// Blocks until the process is dead and reaped, so that all it held is free, and hands its outcome over; the handle
  /// owns no unit then.
  /// @throws std::system_error (invalid_argument) where it owns none
  outcome<R> join() {
    require_unit("join").wait_until(deadline::never());
    return take();
  }

  /// The outcome if the process is dead, as join; std::nullopt, and the handle still owns it, if not.
  std::optional<outcome<R>> try_join() { return join_until(deadline::after(std::chrono::nanoseconds(0))); }
  template <class Rep, class Period> std::optional<outcome<R>> join_for(std::chrono::duration<Rep, Period> time) {
    return join_until(deadline::after(time));
  }
  template <class Clock, class Duration>
  std::optional<outcome<R>> join_until(std::chrono::time_point<Clock, Duration> time) {
    return join_until(deadline::at(time));
  }
  std::optional<outcome<R>> join_until(deadline until) {
    if (!require_unit("join").wait_until(until)) return std::nullopt;
    return take();
  }

  /// Blocks until the outcome is published, which a process does before it exits, or the process is dead. The handle
  /// still owns the unit, and the outcome: join hands it over. @throws std::system_error as join
  outcome<R>& get_outcome() {
    impl::process_state& unit = require_unit("get_outcome");
    unit.wait_outcome();
    if (!kept_) kept_ = std::make_unique<outcome<R>>(unit.read_outcome<R>());
    return *kept_;
  }

  /// What the process has used so far, or in all when it has ended: its own use and that of the children that it has
  /// reaped. After a join a failure knows it (failure::usage), a value does not. Times are exact, but how they part
  /// into user and system is by the clock's tick while it lives. Empty: memory and bytes of an ended process, but for
  /// the peak; all that proc(5) keeps from this user. @throws std::system_error as join
  resource_usage usage() { return require_unit("usage").usage_now(); }

  bool joinable() const noexcept { return static_cast<bool>(state_); }
  unit_id get_id() const noexcept { return {pid(), 0}; }
  /// The kernel's number of the process, 0 where the handle owns none. It is not reused before the process is joined.
  pid_t pid() const noexcept { return state_ ? state_.pid() : 0; }
  /// A process descriptor (pidfd_open(2)), readable when the process is dead: for poll and epoll. (A stand-in that is
  /// readable too, where the process was reaped before a descriptor of it was needed.) It stays the handle's; -1 where
  /// it owns no unit, or where no descriptor is left.
  native_handle_type native_handle() const noexcept { return state_ ? state_.pidfd() : -1; }
  /// The same, as the ones of threads and units are called. @throws std::system_error  EMFILE, ENFILE; as join
  int wait_handle() { return state_ ? require_unit("wait").wait_handle() : -1; }
  /// The name given, or the one made for it; empty where the handle owns no unit.
  std::string name() const { return state_ ? state_.name() : std::string(); }

  /// Lets the process run on by itself. What the kernel keeps of it when it has ended is collected when this process
  /// starts another one.
  /// @throws std::system_error (invalid_argument) where the handle owns no unit
  void detach() {
    require_unit("detach");
    impl::detached::add(std::move(state_));
    kept_.reset();
  }

  bool request_stop() noexcept { return state_ && state_.request_stop(); }
  stop_source get_stop_source() const { return state_ ? state_.stop() : stop_source(nostopstate); }
  stop_token get_stop_token() const { return state_ ? state_.stop().get_token() : stop_token(); }

  /// Sends a signal. Returns false where the process has ended. @throws std::system_error where it may not be sent, or
  /// the number is none
  bool kill(int signal) { return require_unit("kill").signal(signal); }
  /// Stops the process's threads until `resume`; it does not end meanwhile, unless killed.
  bool suspend() { return kill(SIGSTOP); }
  bool resume() { return kill(SIGCONT); }

  /// Ends the process, and returns when it is dead: requests a stop; if it has not ended after `grace`, sends SIGTERM
  /// (and lets it run, should it be suspended); after another `grace`, SIGKILL. The handle still owns it: join tells
  /// how it ended.
  template <class Rep, class Period> void terminate(std::chrono::duration<Rep, Period> grace) {
    impl::process_state& target = require_unit("terminate");
    request_stop();
    if (target.wait_until(deadline::after(grace))) return;
    target.signal(SIGTERM);
    target.signal(SIGCONT);
    if (target.wait_until(deadline::after(grace))) return;
    target.signal(SIGKILL);
    target.wait_until(deadline::never());
  }

  /// Kills the process and all that descends from it, whatever group or session that is in, and returns when all are
  /// dead: stops them one after the other until no new one appears, then sends SIGKILL. The handle still owns it: join
  /// tells how it ended.
  ///
  /// Who descends from it is what the kernel says: a process whose parent has died is another's child from then on
  /// (init's), and lives on with its own children; so do all that the unit left behind when it has ended already.
  /// With options::adopt_orphans the unit is that other, and as long as it lives none is missed.
  /// Blocks. Cost: reads the table of all processes of the system, some times over.
  /// @throws std::system_error where one of them may not be killed (operation_not_permitted: it has become another
  /// user); all the others are dead then. Where proc(5) is not mounted (no_such_file_or_directory), the unit alone is
  void kill_tree() {
    impl::process_state& target = require_unit("kill_tree");
    impl::kill_tree(target);
  }

  void swap(process& other) noexcept {
    state_.swap(other.state_);
    kept_.swap(other.kept_);
  }
  friend void swap(process& a, process& b) noexcept { a.swap(b); }

 private:
  friend struct impl::wait_access;

  bool known_ready() const noexcept { return state_ && state_.ended(); }

  impl::process_state& require_unit(char const* call) {
    if (!joinable()) impl::throw_no_unit(call);
    state_.require_starter(call);
    return state_;
  }

  outcome<R> take() {
    auto ended = std::move(state_);
    if (auto const known = std::move(kept_)) return std::move(*known);
    return ended.template read_outcome<R>();
  }

  void end() noexcept {
    if (state_.is_ours()) {
      request_stop();
      state_.wait_until(deadline::never());
      if (!kept_) static_cast<void>(state_.template read_outcome<R>());  // its destructor tells of a failure
    }
    kept_.reset();
    state_ = impl::process_state();
  }

  impl::process_state state_;
  std::unique_ptr<outcome<R>> kept_;  // once somebody has looked: its place survives the handle's moves
};

template <class F, class... A>
  requires(!impl::is_options<F>)
process(F&&, A&&...)
->process<impl::result_of<impl::process_rules, F, A...>>;
template <class F, class... A> process(options, F&&, A&&...) -> process<impl::result_of<impl::process_rules, F, A...>>;

}  // namespace tandem

#endif  // TANDEM_EXECUTION_PROCESS_HPP
