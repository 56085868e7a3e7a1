// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_EXECUTION_IMPL_THREAD_STATE_HPP
#define TANDEM_EXECUTION_IMPL_THREAD_STATE_HPP

#include <atomic>        // for atomic
#include <chrono>        // for nanoseconds
#include <climits>       // for INT_MAX
#include <cstdint>       // for int64_t, uint32_t
#include <exception>     // for current_exception
#include <memory>        // for unique_ptr
#include <optional>      // for optional
#include <string>        // for string, to_string
#include <system_error>  // for system_error
#include <utility>       // for forward, move

#include "tandem/core/deadline.hpp"                    // for deadline
#include "tandem/core/errors.hpp"                      // for throw_errc, throw_errno
#include "tandem/core/failure.hpp"                     // for failure
#include "tandem/core/mode.hpp"                        // for mode
#include "tandem/core/outcome.hpp"                     // for outcome
#include "tandem/core/resource_usage.hpp"              // for resource_usage
#include "tandem/execution/impl/apply_scheduling.hpp"  // for apply_scheduling
#include "tandem/execution/impl/crash_stack.hpp"       // for crash_stack
#include "tandem/execution/impl/measure.hpp"           // for measure_thread
#include "tandem/execution/impl/native_thread.hpp"     // for native_thread
#include "tandem/execution/impl/start_error.hpp"       // for rethrow_as_start
#include "tandem/execution/impl/unit_context.hpp"      // for unit_context, this_context
#include "tandem/os/clock.hpp"                         // for monotonic_ns
#include "tandem/os/eventfd.hpp"                       // for eventfd_add, open_eventfd
#include "tandem/os/fork.hpp"                          // for name_thread
#include "tandem/os/futex.hpp"                         // for futex_wait, futex_wake
#include "tandem/os/process_id.hpp"                    // for process_id
#include "tandem/os/process_table.hpp"                 // for thread_id
#include "tandem/os/usage.hpp"                         // for usage_of_this_thread
#include "tandem/resource/fd.hpp"                      // for fd
#include "tandem/sync/stop_token.hpp"                  // for stop_source

namespace tandem::impl {

[[noreturn]] inline void throw_no_unit(char const* call) {
  throw_errc(std::errc::invalid_argument, call, "this handle owns no unit");
}
[[noreturn]] inline void throw_joins_itself(char const* call) {
  throw_errc(std::errc::resource_deadlock_would_occur, call, "a unit cannot wait for itself");
}

/// What a thread and its handle share. Two owners; the last one deletes it.
template <class R> class thread_state {
 public:
  std::string const& name() const noexcept { return name_; }
  unit_id id() const noexcept { return id_; }
  stop_source const& stop() const noexcept { return stop_; }

  /// What the thread, which is `thread`, has used: so far, or in all once it has published its outcome.
  resource_usage usage(pthread_t thread) const noexcept {
    if (state_.load(std::memory_order_acquire) != published) {  // pairs with publish's exchange
      auto now = measure_thread(os::thread_id_offset() != 0 ? os::thread_id_of(thread)
                                                            : thread_.load(std::memory_order_relaxed));
      now.wall = std::chrono::nanoseconds(os::monotonic_ns() - started_at_);
      if (state_.load(std::memory_order_acquire) != published) return now;  // or its number may be another's
    }
    return used();
  }

  /// Blocks until the outcome is there (true) or `until` has passed.
  bool wait_until(deadline until) noexcept {
    auto const ns = until.since_epoch_ns();
    for (;;) {
      std::uint32_t seen = state_.load(std::memory_order_acquire);  // pairs with publish's exchange
      if (seen == published) return true;
      if (until.passed()) return false;
      // relaxed: only tells publish to wake; the futex looks at the word again
      if (seen == running && !state_.compare_exchange_strong(seen, awaited, std::memory_order_relaxed)) continue;
      os::futex_wait(&state_, seen == running ? awaited : seen, ns, os::futex_scope::in_process);
    }
  }

  bool is_published() const noexcept {
    return state_.load(std::memory_order_acquire) == published;  // pairs with publish's exchange
  }

  /// A descriptor that is readable once the outcome is there, made for the first who asks. By the handle's owner alone.
  /// @throws std::system_error  EMFILE, ENFILE
  int wait_handle() {
    if (event_) return event_.get();
    event_.reset(os::open_eventfd());
    if (!event_) throw_errno("wait for '" + name_ + "'", "eventfd");
    std::uint32_t seen = state_.load(std::memory_order_relaxed);
    // release: pairs with publish's exchange, which takes the descriptor
    while (seen != published && !state_.compare_exchange_weak(seen, watched, std::memory_order_release)) {}
    if (seen == published) os::eventfd_add(event_.get(), 1);
    return event_.get();
  }

  /// @pre wait_until has returned true
  outcome<R>& get() noexcept { return *outcome_; }

  void drop() noexcept {
    if (owners_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;  // each owner's use comes before
  }

 protected:
  explicit thread_state(std::string name)
      : id_{os::process_id(), next_thread_number()},
        parent_(current_id()),
        started_at_(os::monotonic_ns()),
        named_(!name.empty()),
        name_(named_ ? std::move(name) : "thread " + std::to_string(id_.number)) {}
  virtual ~thread_state() = default;

  /// Notes what the thread has used, itself, before its outcome is known.
  void take_last_sample() noexcept {
    last_ = os::usage_of_this_thread();
    ended_at_ = os::monotonic_ns();
  }
  resource_usage used() const noexcept {
    auto all = resource_usage::of_thread(last_);
    all.wall = std::chrono::nanoseconds(ended_at_ - started_at_);
    return all;
  }

  void publish(outcome<R>&& result) {
    outcome_.emplace(std::move(result));
    // acq_rel: pairs with wait_until's acquire, before which the outcome comes, and with wait_handle's release
    std::uint32_t const before = state_.exchange(published, std::memory_order_acq_rel);
    if (before == running) return;
    os::futex_wake(&state_, INT_MAX, os::futex_scope::in_process);
    if (before == watched) os::eventfd_add(event_.get(), 1);
  }

  unit_id const id_;
  unit_id const parent_;
  std::int64_t const started_at_;  // CLOCK_MONOTONIC
  bool const named_;
  std::string const name_;
  stop_source const stop_;
  std::atomic<pid_t> thread_{0};  // the kernel's number, where os::thread_id_of does not know

 private:
  std::atomic<std::uint32_t> owners_{2};
  // awaited: somebody sleeps on the word; watched: somebody may, and event_ is to be told
  static constexpr std::uint32_t running = 0, awaited = 1, published = 2, watched = 3;
  std::atomic<std::uint32_t> state_{running};
  fd event_;
  std::optional<outcome<R>> outcome_;
  rusage last_{};
  std::int64_t ended_at_ = 0;
};

/// What a thread does before its workload, and tells its starter, who waits for it with this in its frame.
class thread_setup {
 public:
  explicit thread_setup(options const& how) noexcept : how_(how) {}

  /// In the new thread. False where it failed.
  bool run() noexcept {
    bool done = true;
    try {
      apply_scheduling(how_);
    } catch (...) {
      failed_ = std::current_exception();
      done = false;
    }
    state_.store(over, std::memory_order_release);  // pairs with wait's acquire
    os::futex_wake(&state_, 1, os::futex_scope::in_process);
    return done;
  }

  /// What it failed with; null where it did not.
  std::exception_ptr wait() noexcept {
    while (state_.load(std::memory_order_acquire) != over)
      os::futex_wait(&state_, busy, os::no_deadline, os::futex_scope::in_process);
    return std::exchange(failed_, nullptr);
  }

 private:
  static constexpr std::uint32_t busy = 0, over = 1;

  options const& how_;
  std::exception_ptr failed_;
  std::atomic<std::uint32_t> state_{busy};
};

/// A thread_state with its workload.
template <class R, class Work> class thread_run final : public thread_state<R> {
 public:
  template <class... A>
  explicit thread_run(std::string name, A&&... workload)
      : thread_state<R>(std::move(name)), workload_(std::in_place, std::forward<A>(workload)...) {}

  /// To be called before it is started.
  void set_up_with(thread_setup* setup) noexcept { setup_ = setup; }

  void run() noexcept {
    if (os::thread_id_offset() == 0) this->thread_.store(os::thread_id(), std::memory_order_relaxed);
    if (setup_ != nullptr && !setup_->run()) return;
    if (this->named_) os::name_thread(this->name_.c_str());
    stop_token const stop = this->stop_.get_token();
    unit_context const context{this->name_, mode::thread, this->id_, this->parent_, stop, this->started_at_};
    this_context = &context;
    this->publish(call(stop));
    this_context = nullptr;
  }

 private:
  outcome<R> call(stop_token const& stop) noexcept {
    crash_stack const for_handlers;
    try {
      if constexpr (std::is_void_v<R>) {
        workload_->run(stop);
        workload_.reset();  // before the outcome is known: what the arguments held is free then
        this->take_last_sample();
        return {};
      } else {
        outcome<R> result(std::in_place, workload_->run(stop));
        workload_.reset();
        this->take_last_sample();
        return result;
      }
    } catch (...) {
      workload_.reset();
      this->take_last_sample();
      return outcome<R>(failure::threw(this->name_, std::current_exception(), this->used()));
    }
  }

  std::optional<Work> workload_;
  thread_setup* setup_ = nullptr;
};

struct drop_state {
  template <class R> void operator()(thread_state<R>* state) const noexcept { state->drop(); }
};
template <class R> using thread_state_pointer = std::unique_ptr<thread_state<R>, drop_state>;

/// Starts the thread of `run`, which has a share in it, as `how` asks. @throws std::system_error naming the step and
/// the member; no thread is left then, and its share is given up
template <class Run> native_thread start_thread(Run* run, options const& how) {
  thread_setup setup(how);
  bool const waits = asks_for_scheduling(how);
  if (waits) run->set_up_with(&setup);
  native_thread started;
  int const error = started.start(
      [](void* data) -> void* {
        auto* const mine = static_cast<Run*>(data);
        mine->run();
        mine->drop();
        return nullptr;
      },
      run, how.stack_size);
  if (error != 0) {
    std::string const name = run->name();
    run->drop();
    throw_errno(error, "start '" + name + "': pthread_create",
                how.stack_size == 0 ? std::string() : "options.stack_size " + std::to_string(how.stack_size));
  }
  if (waits) {
    if (auto const why = setup.wait()) {
      started.join();
      try {
        std::rethrow_exception(why);
      } catch (std::system_error const& failed) { rethrow_as_start("'" + run->name() + "'", failed); }
    }
  }
  return started;
}

}  // namespace tandem::impl

#endif  // TANDEM_EXECUTION_IMPL_THREAD_STATE_HPP
