// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_EXECUTION_IMPL_THREAD_STATE_HPP
#define TANDEM_EXECUTION_IMPL_THREAD_STATE_HPP

#include <atomic>     // for atomic
#include <climits>    // for INT_MAX
#include <cstdint>    // for uint32_t
#include <exception>  // for current_exception
#include <memory>     // for unique_ptr
#include <optional>   // for optional
#include <string>     // for string, to_string
#include <utility>    // for forward, move

#include "tandem/core/deadline.hpp"                // for deadline
#include "tandem/core/errors.hpp"                  // for throw_errc, throw_errno
#include "tandem/core/failure.hpp"                 // for failure
#include "tandem/core/mode.hpp"                    // for mode
#include "tandem/core/outcome.hpp"                 // for outcome
#include "tandem/execution/impl/unit_context.hpp"  // for unit_context, this_context
#include "tandem/os/eventfd.hpp"                   // for eventfd_add, open_eventfd
#include "tandem/os/fork.hpp"                      // for name_thread
#include "tandem/os/futex.hpp"                     // for futex_wait, futex_wake
#include "tandem/os/process_id.hpp"                // for process_id
#include "tandem/resource/fd.hpp"                  // for fd
#include "tandem/sync/stop_token.hpp"              // for stop_source

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

  /// Blocks until the outcome is there (true) or `until` has passed.
  bool wait_until(deadline until) noexcept {
    auto const ns = until.time_point().time_since_epoch().count();
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
        named_(!name.empty()),
        name_(named_ ? std::move(name) : "thread " + std::to_string(id_.number)) {}
  virtual ~thread_state() = default;

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
  bool const named_;
  std::string const name_;
  stop_source const stop_;

 private:
  std::atomic<std::uint32_t> owners_{2};
  // awaited: somebody sleeps on the word; watched: somebody may, and event_ is to be told
  static constexpr std::uint32_t running = 0, awaited = 1, published = 2, watched = 3;
  std::atomic<std::uint32_t> state_{running};
  fd event_;
  std::optional<outcome<R>> outcome_;
};

/// A thread_state with its workload.
template <class R, class Work> class thread_run final : public thread_state<R> {
 public:
  template <class... A>
  explicit thread_run(std::string name, A&&... workload)
      : thread_state<R>(std::move(name)), workload_(std::in_place, std::forward<A>(workload)...) {}

  void run() noexcept {
    if (this->named_) os::name_thread(this->name_.c_str());
    stop_token const stop = this->stop_.get_token();
    unit_context const context{this->name_, mode::thread, this->id_, this->parent_, stop};
    this_context = &context;
    this->publish(call(stop));
    this_context = nullptr;
  }

 private:
  outcome<R> call(stop_token const& stop) noexcept {
    try {
      if constexpr (std::is_void_v<R>) {
        workload_->run(stop);
        workload_.reset();  // before the outcome is known: what the arguments held is free then
        return {};
      } else {
        outcome<R> result(std::in_place, workload_->run(stop));
        workload_.reset();
        return result;
      }
    } catch (...) {
      workload_.reset();
      return outcome<R>(failure::threw(this->name_, std::current_exception()));
    }
  }

  std::optional<Work> workload_;
};

struct drop_state {
  template <class R> void operator()(thread_state<R>* state) const noexcept { state->drop(); }
};
template <class R> using thread_state_pointer = std::unique_ptr<thread_state<R>, drop_state>;

/// The new thread's share in the state, and what it runs. Never run, it is given up twice: for the thread that could
/// not be started.
template <class Run> class thread_entry {
 public:
  explicit thread_entry(Run* run) noexcept : run_(run) {}
  thread_entry(thread_entry&& other) noexcept : run_(std::exchange(other.run_, nullptr)) {}
  ~thread_entry() {
    if (run_ != nullptr) run_->drop();
  }

  void operator()() noexcept {
    run_->run();
    std::exchange(run_, nullptr)->drop();
  }

 private:
  Run* run_;
};

}  // namespace tandem::impl

#endif  // TANDEM_EXECUTION_IMPL_THREAD_STATE_HPP
