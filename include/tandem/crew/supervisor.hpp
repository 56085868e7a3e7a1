// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_CREW_SUPERVISOR_HPP
#define TANDEM_CREW_SUPERVISOR_HPP

#include <chrono>       // for duration, time_point
#include <memory>       // for make_unique, unique_ptr
#include <string>       // for string
#include <type_traits>  // for decay_t, is_same_v, remove_cvref_t
#include <utility>      // for forward, move
#include <vector>       // for vector

#include "tandem/core/deadline.hpp"              // for deadline
#include "tandem/core/mode.hpp"                  // for mode
#include "tandem/crew/child_options.hpp"         // for child_options
#include "tandem/crew/child_status.hpp"          // for child_status
#include "tandem/crew/impl/child_work.hpp"       // for kept_work
#include "tandem/crew/impl/event_listeners.hpp"  // for event_listener
#include "tandem/crew/impl/supervisor_core.hpp"  // for supervisor_core
#include "tandem/crew/impl/unit_kind.hpp"        // for is_chosen, mode_of
#include "tandem/crew/supervisor_event.hpp"      // for supervisor_event
#include "tandem/crew/supervisor_options.hpp"    // for supervisor_options
#include "tandem/execution/impl/workload.hpp"    // for process_rules, thread_rules
#include "tandem/execution/options.hpp"          // for options
#include "tandem/execution/unit.hpp"             // for unit
#include "tandem/sync/stop_token.hpp"            // for stop_token

namespace tandem {

namespace impl {

/// Makes a supervisor's children.
template <template <class> class Unit> struct child_start {
  template <class F, class... A> static unit<void> start(mode how, options with, F&& f, A&&... arguments) {
    if constexpr (is_chosen<Unit>)
      return unit<void>(how, std::move(with), std::forward<F>(f), std::forward<A>(arguments)...);
    else
      return Unit<void>(std::move(with), std::forward<F>(f), std::forward<A>(arguments)...);
  }
};

}  // namespace impl

/// Keeps its children, threads or processes, running: Erlang/OTP's supervisor, its words and their meaning.
///
///     tandem::supervisor<tandem::process> crew{{.strategy = tandem::strategy::one_for_one, .intensity = 3}};
///     crew.add({.name = "worker 1", .heartbeat = 2s}, work, 1);
///     crew.add({.name = "worker 2", .heartbeat = 2s}, work, 2);
///     crew.run(asked_to.get_stop_token());   // or start(), then wait() or stop()
///
/// Children are started in the order in which they were added, and stopped in the opposite one. One that fails is
/// started again, with others where the strategy says so; if that happens too often, all are stopped, and the
/// supervisor gives up: what waits for it throws supervisor_gave_up. A supervisor may run in the child of another one:
/// a tree.
///
/// A thread cannot be killed. One that is hung, or does not stop, is told of (supervisor_event) and waited for: as long
/// as it is there it is not replaced, and where its supervisor stops, nothing else is looked after.
/// @par Shared memory          No: it belongs to the process that made it; in a forked child its members throw
///                             std::system_error (operation_not_permitted), and its destructor does nothing.
/// @par Threads and processes  Every member may be called concurrently, except the destructor. What waits throws
///                             std::system_error (resource_deadlock_would_occur) in a callback of on_event, and in a
///                             child that is a thread.
/// @par Peer death             A child's is what it is for. Children that are processes die with the supervisor's
///                             process, and their children with them.
template <template <class> class Unit> class supervisor {
  static constexpr bool chosen = impl::is_chosen<Unit>;
  using rules = std::conditional_t<impl::mode_of<Unit> == tandem::mode::process || chosen, impl::process_rules,
                                   impl::thread_rules>;

 public:
  /// Without children. Nothing runs before `start` or `run`.
  /// @throws std::invalid_argument naming the option; std::system_error: EMFILE, ENFILE
  explicit supervisor(supervisor_options options = {}) requires(!chosen)
      : core_(new impl::supervisor_core(impl::mode_of<Unit>, std::move(options))) {}
  explicit supervisor(tandem::mode how, supervisor_options options = {}) requires(chosen)
      : core_(new impl::supervisor_core(how, std::move(options))) {}
  supervisor(supervisor&&) noexcept = default;
  supervisor& operator=(supervisor&&) noexcept = default;
  /// As stop().
  ~supervisor() = default;

  tandem::mode mode() const noexcept { return core_->mode(); }

  /// Calls `f(supervisor_event const&)` for all that happens, in its order, in the thread that supervises, which waits
  /// for it meanwhile. What it throws goes to the unobserved-failure handler. Of several, the first one is called
  /// first.
  /// @throws std::system_error (operation_not_permitted) while it runs
  template <class F> void on_event(F f) {
    struct listener final : impl::event_listener {
      explicit listener(F&& call) : f(std::move(call)) {}
      void tell(supervisor_event const& what) override { f(what); }
      F f;
    };
    core_->listen(std::make_unique<listener>(std::move(f)));
  }

  /// One more child, the last one of all: `f(arguments...)`, or `f(stop_token, arguments...)` where f takes one. All
  /// are kept, and copied for each start; an fd, an event is dup()ed. While the supervisor runs, the child is started
  /// as soon as those before it are. What `f` returns is of no interest.
  /// @throws std::invalid_argument naming the member of `how`: a name that another child has, a value that cannot be, a
  /// wall asked of a thread; what the copies throw  @par Blocks  Never.
  template <class F, class... A> void add(child_options how, F&& f, A&&... arguments) {
    using work = impl::kept_work<rules, impl::child_start<Unit>, F, A...>;
    core_->add(std::move(how), std::make_unique<work>(std::forward<F>(f), std::forward<A>(arguments)...));
  }

  /// Starts the children, in a thread of its own, and returns when all are started, and ready where they say so. May be
  /// called again when it has stopped or given up.
  /// @throws supervisor_gave_up; std::system_error: operation_not_permitted where it runs already; EAGAIN: no thread
  void start() { core_->start(); }

  /// Supervises in the calling thread, until a stop is requested, or no child is left that runs or is to run. All have
  /// ended when it returns. As the work of another supervisor's child it beats, and is ready when its children are.
  /// @throws supervisor_gave_up; std::system_error: operation_not_permitted where it runs already; as stop_callback
  void run(stop_token const& stop = {}) { core_->run(stop); }

  /// Blocks until no child is left that runs or is to run, or the supervisor has stopped.
  /// @throws supervisor_gave_up where it did
  void wait() { core_->wait(deadline::never()); }
  /// The same, at most until then: false if there is one still.
  template <class Rep, class Period> bool wait_for(std::chrono::duration<Rep, Period> time) {
    return core_->wait(deadline::after(time));
  }
  template <class Clock, class Duration> bool wait_until(std::chrono::time_point<Clock, Duration> time) {
    return core_->wait(deadline::at(time));
  }

  /// Stops all children, the last one first: each is told to stop, and where it has not ended after its `shutdown`, a
  /// process is killed, a thread waited for. Returns when all have ended.
  void stop() { core_->stop(); }

  /// The same with one child, which stays known. False where there is no such child.
  bool stop(std::string const& name) { return core_->carry_out(impl::supervisor_core::wish::stop, name, "stop"); }
  /// Stops a child, where it runs, and starts it: not a failure, and no other child is touched. False as stop.
  /// @throws std::system_error (operation_not_permitted) where the supervisor does not run
  bool restart(std::string const& name) {
    return core_->carry_out(impl::supervisor_core::wish::restart, name, "restart");
  }
  /// Stops a child and forgets it. False as stop.
  bool remove(std::string const& name) { return core_->carry_out(impl::supervisor_core::wish::remove, name, "remove"); }

  /// All of them, in their order.
  std::vector<child_status> children() const { return core_->children(); }

 private:
  struct let_go {
    void operator()(impl::supervisor_core* one) const noexcept {
      if (one->is_ours()) delete one;
    }
  };

  std::unique_ptr<impl::supervisor_core, let_go> core_;
};

supervisor(mode)->supervisor<unit>;
supervisor(mode, supervisor_options)->supervisor<unit>;

}  // namespace tandem

#endif  // TANDEM_CREW_SUPERVISOR_HPP
