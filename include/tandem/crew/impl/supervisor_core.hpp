// SPDX-License-Identifier: BSL-1.0
// What a supervisor does, in one thread: its own, or the one that calls run(). That thread alone starts, joins and
// forgets children; others put what they want on a list and wake it. `lock_` is held whenever it works, and let go
// while it waits: for the end of a child, for the time to come, for a callback.
#ifndef TANDEM_CREW_IMPL_SUPERVISOR_CORE_HPP
#define TANDEM_CREW_IMPL_SUPERVISOR_CORE_HPP

#include <algorithm>           // for max, min
#include <atomic>              // for memory_order
#include <chrono>              // for nanoseconds, steady_clock
#include <condition_variable>  // for condition_variable
#include <cstddef>             // for size_t
#include <cstdint>             // for int64_t, uint64_t
#include <exception>           // for current_exception, exception_ptr, make_exception_ptr, rethrow_exception
#include <memory>              // for make_unique, unique_ptr
#include <mutex>               // for mutex, unique_lock
#include <optional>            // for optional
#include <stdexcept>           // for invalid_argument
#include <string>              // for string, to_string
#include <system_error>        // for errc, system_error
#include <utility>             // for exchange, move
#include <vector>              // for vector

#include "tandem/core/deadline.hpp"               // for deadline
#include "tandem/core/errors.hpp"                 // for throw_errc
#include "tandem/core/failure.hpp"                // for failure
#include "tandem/core/mode.hpp"                   // for mode
#include "tandem/core/register_exception.hpp"     // for register_exception
#include "tandem/crew/child_options.hpp"          // for child_options, restart
#include "tandem/crew/child_status.hpp"           // for child_state, child_status
#include "tandem/crew/impl/child_roster.hpp"      // for child_roster
#include "tandem/crew/impl/event_listeners.hpp"   // for event_listener, event_listeners
#include "tandem/crew/impl/own_pulse.hpp"         // for own_pulse
#include "tandem/crew/impl/restart_meter.hpp"     // for restart_meter
#include "tandem/crew/impl/supervised_child.hpp"  // for child_work, later, supervised_child, unit_options
#include "tandem/crew/supervisor_event.hpp"       // for supervisor_event
#include "tandem/crew/supervisor_gave_up.hpp"     // for supervisor_gave_up
#include "tandem/crew/supervisor_options.hpp"     // for strategy, supervisor_options
#include "tandem/execution/options.hpp"           // for options
#include "tandem/execution/thread.hpp"            // for thread
#include "tandem/execution/unit.hpp"              // for unit
#include "tandem/execution/unit_id.hpp"           // for unit_id
#include "tandem/os/clock.hpp"                    // for monotonic_ns
#include "tandem/os/process_id.hpp"               // for process_id
#include "tandem/resource/event.hpp"              // for event
#include "tandem/sync/stop_token.hpp"             // for stop_callback, stop_token
#include "tandem/sync/wait_set.hpp"               // for wait_set

namespace tandem::impl {

class supervisor_core {
 public:
  /// @throws std::invalid_argument naming the option; std::system_error: EMFILE, ENFILE
  supervisor_core(tandem::mode how, supervisor_options options)
      : mode_(how), options_(checked(std::move(options))), recent_(options_.intensity, options_.period.count()) {
    register_exception<supervisor_gave_up>();
    ends_.add(told_, nullptr);
  }
  supervisor_core(supervisor_core const&) = delete;
  ~supervisor_core() { stop(); }

  tandem::mode mode() const noexcept { return mode_; }
  /// False in a child that was forked: nothing here is its own.
  bool is_ours() const noexcept { return owner_ == os::process_id(); }

  void listen(std::unique_ptr<event_listener> one) {
    auto const hold = lock("on_event");
    if (running_) throw_errc(std::errc::operation_not_permitted, "on_event", describe() + " is running");
    listeners_.add(std::move(one));
  }

  void add(child_options how, std::unique_ptr<child_work const> work) {
    auto const hold = lock("add");
    children_.add(mode_, std::move(how), std::move(work));
    nothing_left_ = all_started_ = false;
    told_.notify();
  }

  void start() {
    auto hold = lock("start");
    begin("start");
    try {
      manager_ = thread<void>({.name = options_.name}, [this] { manage(false); });
    } catch (...) {
      running_ = false;
      throw;
    }
    changed_.wait(hold, [this] { return (all_started_ && !gave_up_) || !running_; });
    rethrow_end();
  }

  void run(stop_token const& stop) {
    {
      auto const hold = lock("run");
      begin("run");
    }
    std::unique_ptr<stop_callback<stopper>>
        tell;  // not in this frame: a child that requests the stop writes to its copy
    try {
      tell = std::make_unique<stop_callback<stopper>>(stop, stopper{this});
    } catch (...) {
      auto const hold = lock("run");
      running_ = false;
      throw;
    }
    manage(true);
    tell.reset();
    auto const hold = lock("run");
    rethrow_end();
  }

  bool wait(deadline until) {
    auto hold = lock_from_outside("wait");
    auto const is_over = [this] { return (nothing_left_ && !gave_up_) || !running_; };
    if (until.is_never())
      changed_.wait(hold, is_over);
    else if (!changed_.wait_until(hold, until.time_point(), is_over))
      return false;
    rethrow_end();
    return true;
  }

  /// Nothing where it does not run.
  void stop() {
    thread<void> ended;
    {
      auto hold = lock_from_outside("stop");
      if (running_) {
        stopping_ = true;
        told_.notify();
        changed_.wait(hold, [this] { return !running_; });
      }
      ended = std::move(manager_);
    }
  }

  enum class wish { stop, restart, remove };

  /// False where there is no such child.
  bool carry_out(wish what, std::string name, char const* call) {
    auto hold = lock_from_outside(call);
    if (!running_) {
      if (what == wish::restart) throw_errc(std::errc::operation_not_permitted, call, describe() + " is not running");
      children_.admit();
      auto* const one = children_.find(name);
      if (one != nullptr && what == wish::remove) children_.erase(*one);
      return one != nullptr;
    }
    request one{what, std::move(name)};
    requests_.push_back(&one);
    told_.notify();
    changed_.wait(hold, [&] { return one.done; });
    return one.found;
  }

  std::vector<child_status> children() const {
    auto const hold = lock("children");
    return children_.statuses();
  }

 private:
  using kind = supervisor_event::kind;
  using holder = std::unique_lock<std::mutex>;

  using child = supervised_child;

  struct stopper {
    supervisor_core* core;
    void operator()() const noexcept { core->request_stop(); }
  };
  struct request {
    wish what;
    std::string name;
    bool done = false, found = false;
  };

  // ---- checks

  static supervisor_options checked(supervisor_options options) {
    if (options.period.count() <= 0) throw std::invalid_argument("tandem: make a supervisor: period is not positive");
    if (options.seed == 0)
      options.seed = static_cast<std::uint64_t>(os::monotonic_ns()) ^ static_cast<std::uint64_t>(os::process_id())
                                                                          << 40;
    return options;
  }

  std::string describe() const { return "supervisor '" + options_.name + "'"; }

  /// @throws std::system_error (operation_not_permitted) in a forked child
  holder lock(char const* call) const {
    if (!is_ours())
      throw_errc(std::errc::operation_not_permitted, call,
                 describe() + " belongs to another process, this one's parent");
    return holder(lock_);
  }

  /// For what waits for the supervisor's thread, which would wait for itself, or for the child that waits.
  holder lock_from_outside(char const* call) const {
    auto hold = lock(call);
    bool inside = running_ && manager_id_ == current_id();
    for (std::size_t i = 0; i < children_.size(); ++i)
      inside = inside || (mode_ == tandem::mode::thread && children_[i].is_alive() && children_[i].id == current_id());
    if (inside)
      throw_errc(std::errc::resource_deadlock_would_occur, call, describe() + " cannot wait for what runs in it");
    return hold;
  }

  // ---- from outside

  void begin(char const* call) {
    if (running_) throw_errc(std::errc::operation_not_permitted, call, describe() + " is running already");
    children_.admit();
    children_.begin();
    recent_.clear();
    gave_up_ = nullptr;
    stopping_ = nothing_left_ = all_started_ = false;
    running_ = true;
  }

  void request_stop() noexcept {
    if (!is_ours()) return;  // in a forked child that requests it: there is a copy of the callback too
    holder const hold(lock_);
    stopping_ = true;
    told_.notify();
  }

  void rethrow_end() const {
    if (gave_up_) std::rethrow_exception(gave_up_);
  }

  // ---- the thread that supervises

  /// Until a stop; `is_guest`: or until nothing is left to run.
  void manage(bool is_guest) {
    holder hold(lock_);
    manager_id_ = current_id();
    own_pulse_ = is_guest ? own_pulse::of_this_child() : own_pulse();
    try {
      while (!stopping_ && !gave_up_) {
        children_.admit();
        obey(hold);
        look_after_all(hold);
        start_all(hold);
        if (gave_up_ || stopping_) break;
        take_stock();
        if (is_guest && nothing_left_) break;
        auto const wake = next_look();
        hold.unlock();
        auto const told = ends_.wait(wake);
        hold.lock();
        if (!told) continue;
        if (*told != nullptr) {
          bury(**told, hold);
        } else {
          told_.try_wait();
          ends_.add(told_, nullptr);
        }
      }
    } catch (...) {
      if (!hold.owns_lock()) hold.lock();
      gave_up_ = std::current_exception();
    }
    stop_all(hold);
    children_.admit();
    obey(hold);
    running_ = false;
    changed_.notify_all();
  }

  void obey(holder& hold) {
    while (!requests_.empty()) {
      auto* const one = requests_.front();
      requests_.erase(requests_.begin());
      one->found = fulfil(one->what, one->name, hold);
      one->done = true;
      changed_.notify_all();
    }
  }

  bool fulfil(wish what, std::string const& name, holder& hold) {
    auto* const one = children_.find(name);
    if (one == nullptr) return false;
    if (one->is_alive()) end(*one, hold);
    if (what == wish::remove) {
      forget(*one, hold);
    } else if (what == wish::restart && !stopping_ && !gave_up_) {
      one->failures = 0;
      start(*one, hold);
    } else {
      one->state = child_state::stopped;
    }
    return true;
  }

  /// Starts whose turn it is.
  void start_all(holder& hold) {
    bool others_first = false;
    for (std::size_t i = 0; i < children_.size() && !gave_up_ && !stopping_; ++i) {
      auto& one = children_[i];
      if (one.is_to_start() && one.due <= os::monotonic_ns() && !(one.in_turn && others_first)) start(one, hold);
      others_first = others_first || (i < children_.size() && children_[i].is_awaited());
    }
  }

  void start(child& one, holder& hold) {
    bool const again = one.started_at != 0;
    one.started_at = os::monotonic_ns();
    if (one.pulse.get() != nullptr) {
      // relaxed: nobody else is there
      one.pulse->beaten.store(one.started_at, std::memory_order_relaxed);
      one.pulse->ready.store(false, std::memory_order_relaxed);
    }
    try {
      one.unit = one.work->start(mode_, unit_options(one.how), one.pulse);
      try {
        ends_.add(one.unit, &one);
      } catch (...) {
        one.kill();
        static_cast<void>(one.unit.join().has_value());
        throw;
      }
    } catch (...) {
      auto const why = failure::threw(one.how.name, std::current_exception());
      one.last = why;
      tell(kind::not_started, one, hold, why);
      return recover(one, why, hold);
    }
    one.id = one.unit.get_id();
    if (again) ++one.restarts;
    bool const is_ready = one.how.ready.count() == 0;
    one.state = is_ready ? child_state::running : child_state::starting;
    if (is_ready) one.in_turn = false;
    tell(again ? kind::restarted : kind::started, one, hold);
  }

  /// Looks for those that are ready, or hung.
  void look_after_all(holder& hold) {
    for (std::size_t i = 0; i < children_.size(); ++i) {
      auto& one = children_[i];
      if (one.pulse.get() == nullptr || !one.is_alive() || one.is_hung()) continue;
      std::int64_t const now = os::monotonic_ns();
      if (one.state == child_state::starting && one.pulse->ready.load(std::memory_order_acquire)) {
        one.state = child_state::running;
        one.in_turn = false;
        tell(kind::ready, one, hold);
      }
      if (now < one.hung_at() || one.has_ended()) continue;
      one.state = child_state::hung;
      tell(kind::hung, one, hold);
      hold.unlock();  // who is told to stop may call us
      one.kill();
      hold.lock();
    }
  }

  /// One that has ended by itself.
  void bury(child& one, holder& hold) {
    bool const was_hung = one.is_hung();
    auto const end = one.unit.join();
    auto const id = std::exchange(one.id, unit_id{});
    std::optional<failure> why;
    if (!end && !(end.error().how() == ending::exited && end.error().exit_code() == 0)) why = end.error();
    if (!why && was_hung) why = failure::lost(one.how.name, "it was hung, and ended when it was told to stop");
    bool const goes = one.how.restart == restart::temporary || (one.how.restart == restart::transient && !why);
    one.state = child_state::ended;
    if (why) one.last = why;
    tell(why ? kind::died : kind::ended, one, hold, why, id);
    if (!goes) return recover(one, why ? *why : failure::lost(one.how.name, "it ended, though it is permanent"), hold);
    if (one.how.restart == restart::temporary) children_.erase(one);
  }

  /// A child has failed: it and, by the strategy, others are to be started again.
  void recover(child& one, failure const& why, holder& hold) {
    std::int64_t const now = os::monotonic_ns();
    if (one.how.restart == restart::temporary) return children_.erase(one);  // could not be started
    if (now - one.started_at >= one.how.backoff.reset_after.count()) one.failures = 0;
    ++one.failures;
    if (recent_.add(now, why)) return give_up(one, why, hold);
    put_off(one, later(now, one.how.backoff.delay(one.failures, options_.seed + children_.number(one) * 0x10000)));
    if (options_.strategy == strategy::one_for_one) return;
    std::int64_t const due = one.due;
    auto const first = options_.strategy == strategy::one_for_all ? 0 : children_.number(one);
    for (auto i = children_.size(); i-- > first;) {
      auto& other = children_[i];
      if (other.is_alive()) end(other, hold);
      if (other.how.restart == restart::temporary) {
        children_.erase(other);
      } else {
        put_off(other, other.is_to_start() ? std::max(other.due, due) : due);
        other.in_turn = true;
      }
    }
  }

  static void put_off(child& one, std::int64_t due) noexcept {
    one.state = child_state::waiting;
    one.due = due;
  }

  void give_up(child const& one, failure const& why, holder& hold) {
    gave_up_ = std::make_exception_ptr(supervisor_gave_up(
        "tandem: " + describe() + " gave up: more than " + std::to_string(options_.intensity) + " restarts in " +
            std::to_string(options_.period.count() / 1'000'000) + " ms; the last failure: " + why.to_string(),
        recent_.failures()));
    tell(kind::gave_up, one, hold, why);
  }

  void stop_all(holder& hold) {
    for (auto i = children_.size(); i-- > 0;)
      if (children_[i].is_alive())
        end(children_[i], hold);
      else if (children_[i].is_to_start())
        children_[i].state = child_state::stopped;
  }

  /// Ends one that is alive: it is told to stop, and, in the end, killed or waited for.
  void end(child& one, holder& hold) {
    one.state = child_state::stopping;
    hold.unlock();
    ends_.remove(one.unit);
    one.unit.request_stop();
    auto end = own_pulse_.join(one.unit, deadline::after(one.how.shutdown));
    hold.lock();
    if (!end) {
      tell(kind::overdue, one, hold);
      hold.unlock();
      one.kill();
      end = own_pulse_.join(one.unit, deadline::never());
      hold.lock();
    }
    auto const id = std::exchange(one.id, unit_id{});
    one.state = child_state::stopped;
    std::optional<failure> why;
    if (!*end) one.last = why = end->error();
    tell(kind::stopped, one, hold, why, id);
  }

  void forget(child& one, holder& hold) {
    tell(kind::removed, one, hold);
    children_.erase(one);
  }

  /// Tells those who wait what there is to tell.
  void take_stock() {
    bool const starts = children_.awaits_some();
    nothing_left_ = !children_.has_some_left();
    all_started_ = all_started_ || !starts;  // who waits for it may look when one has failed already
    if (nothing_left_ || !starts) changed_.notify_all();
    if (!starts) own_pulse_.say_ready();
  }

  deadline next_look() const noexcept {
    std::int64_t const wake = std::min(own_pulse_.beat().since_epoch_ns(), children_.next_look(os::monotonic_ns()));
    if (wake == INT64_MAX) return deadline::never();
    return deadline::at(std::chrono::steady_clock::time_point(std::chrono::nanoseconds(wake)));
  }

  void tell(kind what, child const& one, holder& hold, std::optional<failure> const& why = {}, unit_id id = {}) {
    if (listeners_.empty()) return;
    if (id == unit_id{}) id = one.id;
    hold.unlock();
    listeners_.tell(options_.name, {what, one.how.name, id, one.restarts, why});
    hold.lock();
  }

  tandem::mode const mode_;
  supervisor_options const options_;
  pid_t const owner_ = os::process_id();
  event_listeners listeners_;
  event told_;
  wait_set<child*> ends_;

  mutable std::mutex lock_;
  std::condition_variable changed_;
  bool running_ = false, stopping_ = false, nothing_left_ = false, all_started_ = false;
  std::exception_ptr gave_up_;
  unit_id manager_id_;
  own_pulse own_pulse_;  // of the child that run() is called in
  child_roster children_;
  std::vector<request*> requests_;
  restart_meter recent_;
  thread<void> manager_;
};

}  // namespace tandem::impl

#endif  // TANDEM_CREW_IMPL_SUPERVISOR_CORE_HPP
