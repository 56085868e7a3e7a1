// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_EXECUTION_UNIT_HPP
#define TANDEM_EXECUTION_UNIT_HPP

#include <chrono>    // for duration, time_point
#include <optional>  // for optional
#include <string>    // for string
#include <utility>   // for forward, move
#include <variant>   // for get_if, variant, visit

#include "tandem/core/mode.hpp"                // for mode
#include "tandem/core/outcome.hpp"             // for outcome
#include "tandem/core/resource_usage.hpp"      // for resource_usage
#include "tandem/execution/impl/workload.hpp"  // for require_workload, result_of
#include "tandem/execution/options.hpp"        // for options
#include "tandem/execution/process.hpp"        // for process
#include "tandem/execution/thread.hpp"         // for thread
#include "tandem/execution/unit_id.hpp"        // for unit_id
#include "tandem/sync/waitable.hpp"            // for wait_access

namespace tandem {

/// A thread or a process, chosen at run time: `unit u{mode, f, arguments...}`, or by `spawn(mode, ...)`. Has what both
/// have. The workload keeps to what a process allows, so that it runs in either mode.
/// @par Shared memory          No.
/// @par Threads and processes  As tandem::thread and tandem::process.
/// @par Peer death             As tandem::process; a thread cannot die alone.
template <class R = void> class unit {
 public:
  using result_type = R;
  using id = unit_id;

  /// No unit.
  unit() noexcept = default;
  unit(thread<R> started) noexcept : is_(std::move(started)) {}
  unit(process<R> started) noexcept : is_(std::move(started)) {}

  /// Starts `f(arguments...)` in the given mode. @throws as the constructors of tandem::thread and tandem::process
  template <class F, class... A>
    requires(!impl::is_options<F>)
  unit(tandem::mode how, F&& f, A&&... arguments)
      : unit(how, options{}, std::forward<F>(f), std::forward<A>(arguments)...) {}

  template <class F, class... A> unit(tandem::mode how, options with, F&& f, A&&... arguments) {
    impl::require_workload<impl::process_rules, F, A...>();
    if (how == tandem::mode::process) {
      is_.template emplace<process<R>>(std::move(with), std::forward<F>(f), std::forward<A>(arguments)...);
    } else {
      is_.template emplace<thread<R>>(std::move(with), std::forward<F>(f), keep<A>(arguments)...);
    }
  }

  outcome<R> join() {
    return std::visit([](auto& one) { return one.join(); }, is_);
  }
  std::optional<outcome<R>> try_join() {
    return std::visit([](auto& one) { return one.try_join(); }, is_);
  }
  template <class Rep, class Period> std::optional<outcome<R>> join_for(std::chrono::duration<Rep, Period> time) {
    return join_until(deadline::after(time));
  }
  template <class Clock, class Duration>
  std::optional<outcome<R>> join_until(std::chrono::time_point<Clock, Duration> time) {
    return join_until(deadline::at(time));
  }
  std::optional<outcome<R>> join_until(deadline until) {
    return std::visit([until](auto& one) { return one.join_until(until); }, is_);
  }
  outcome<R>& get_outcome() {
    return std::visit([](auto& one) -> outcome<R>& { return one.get_outcome(); }, is_);
  }

  /// As the thread's, the process's. @throws std::system_error as join
  resource_usage usage() {
    return std::visit([](auto& one) { return one.usage(); }, is_);
  }

  bool joinable() const noexcept {
    return std::visit([](auto& one) { return one.joinable(); }, is_);
  }
  unit_id get_id() const noexcept {
    return std::visit([](auto& one) { return one.get_id(); }, is_);
  }
  std::string name() const {
    return std::visit([](auto& one) { return one.name(); }, is_);
  }
  void detach() {
    std::visit([](auto& one) { one.detach(); }, is_);
  }
  bool request_stop() noexcept {
    return std::visit([](auto& one) { return one.request_stop(); }, is_);
  }
  stop_source get_stop_source() const {
    return std::visit([](auto& one) { return one.get_stop_source(); }, is_);
  }
  stop_token get_stop_token() const {
    return std::visit([](auto& one) { return one.get_stop_token(); }, is_);
  }

  /// A descriptor that is readable when try_join would give the outcome: for poll and epoll. It stays the handle's; -1
  /// where it owns no unit. @throws as the ones of tandem::thread and tandem::process
  int wait_handle() {
    return std::visit([](auto& one) { return one.wait_handle(); }, is_);
  }

  tandem::mode mode() const noexcept { return as_process() != nullptr ? tandem::mode::process : tandem::mode::thread; }
  /// For what only one of them can do, such as kill; nullptr where it is the other.
  thread<R>* as_thread() noexcept { return std::get_if<thread<R>>(&is_); }
  process<R>* as_process() noexcept { return std::get_if<process<R>>(&is_); }
  process<R> const* as_process() const noexcept { return std::get_if<process<R>>(&is_); }

  void swap(unit& other) noexcept { is_.swap(other.is_); }
  friend void swap(unit& a, unit& b) noexcept { a.swap(b); }

 private:
  friend struct impl::wait_access;

  bool known_ready() {
    return std::visit([](auto& one) { return impl::wait_access::known_ready(one); }, is_);
  }
  std::optional<bool> sleep_until(deadline until) {
    return std::visit([until](auto& one) { return impl::wait_access::sleep_until(one, until); }, is_);
  }

  /// A string literal is text in both modes.
  template <class A> static decltype(auto) keep(std::remove_reference_t<A>& argument) {
    if constexpr (std::is_same_v<impl::process_rules::kept<A>, std::decay_t<A>>)
      return std::forward<A>(argument);
    else
      return impl::process_rules::kept<A>(argument);
  }

  std::variant<thread<R>, process<R>> is_;
};

template <class F, class... A>
  requires(!impl::is_options<F>)
unit(mode, F&&, A&&...)
->unit<impl::result_of<impl::process_rules, F, A...>>;
template <class F, class... A> unit(mode, options, F&&, A&&...) -> unit<impl::result_of<impl::process_rules, F, A...>>;

/// Starts a unit of a kind chosen at compile time: `auto u = spawn<tandem::process>(f, arguments...)`.
/// @throws as the constructors of Unit
template <template <class> class Unit, class F, class... A>
  requires(!impl::is_options<F>)
auto spawn(F&& f, A&&... arguments) { return Unit(std::forward<F>(f), std::forward<A>(arguments)...); }
template <template <class> class Unit, class F, class... A> auto spawn(options how, F&& f, A&&... arguments) {
  return Unit(std::move(how), std::forward<F>(f), std::forward<A>(arguments)...);
}

/// Starts a unit of a kind chosen at run time: `auto u = spawn(mode, f, arguments...)`. @throws as the constructors of
/// unit
template <class F, class... A>
  requires(!impl::is_options<F>)
auto spawn(mode how, F&& f, A&&... arguments) { return unit(how, std::forward<F>(f), std::forward<A>(arguments)...); }
template <class F, class... A> auto spawn(mode how, options with, F&& f, A&&... arguments) {
  return unit(how, std::move(with), std::forward<F>(f), std::forward<A>(arguments)...);
}

}  // namespace tandem

#endif  // TANDEM_EXECUTION_UNIT_HPP
