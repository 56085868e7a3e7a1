// SPDX-License-Identifier: BSL-1.0
// What a pool's task is to its worker, and to its future.
//
//     waiting -> running by worker n -> done          by the worker
//     running by worker n -> waiting                  by the pool: that worker has died, and it is tried again
//     waiting, running -> failed                      by the pool: that worker has died, or none will come
//
// The record lies where both sides see it: in the commons, where workers are processes. Its other half, which knows the
// types and belongs to the pool's process alone, is the ticket.
#ifndef TANDEM_CREW_IMPL_TASK_HPP
#define TANDEM_CREW_IMPL_TASK_HPP

#include <atomic>    // for atomic
#include <chrono>    // for nanoseconds
#include <climits>   // for INT_MAX
#include <cstdint>   // for int64_t, uint32_t
#include <memory>    // for shared_ptr
#include <mutex>     // for mutex, scoped_lock
#include <optional>  // for optional
#include <utility>   // for move

#include "tandem/core/deadline.hpp"      // for deadline
#include "tandem/core/failure.hpp"       // for failure
#include "tandem/crew/pool_options.hpp"  // for includes, priority, retry_on, task_options
#include "tandem/os/futex.hpp"           // for futex_wait, futex_wake
#include "tandem/resource/fd.hpp"        // for fd
#include "tandem/sync/stop_token.hpp"    // for nostopstate, stop_source

namespace tandem::impl {

enum class task_phase : std::uint32_t { waiting, running, done, failed };

/// What a worker sees.
class task_record {
 public:
  using serve_function = void(task_record&);

  explicit task_record(serve_function* how) noexcept : serve_(how) {}
  task_record(task_record const&) = delete;

  /// In the worker: false where it is not to be run any more.
  bool begin(std::uint32_t worker) noexcept {
    std::uint32_t seen = word_.load(std::memory_order_acquire);
    do {
      if (phase_of(seen) != task_phase::waiting) return false;
    } while (!word_.compare_exchange_weak(
        seen, worker << 8 | (seen & awaited) | static_cast<std::uint32_t>(task_phase::running),
        std::memory_order_acq_rel));
    return true;
  }
  void serve() { serve_(*this); }
  /// In the worker: its address is in no queue any more. Until then it is not freed, for others may yet take it out.
  void has_left_the_queue() noexcept { queued_.fetch_sub(1, std::memory_order_release); }
  bool is_queued() const noexcept { return queued_.load(std::memory_order_acquire) != 0; }

  /// Before it is submitted.
  void set(task_options const& how) noexcept {
    timed_ = how.timeout.count() > 0;
    is_repeatable_ = how.retries > 0;
    retries_ = how.retries;
    retry_on_ = how.retry_on;
  }
  /// Whether somebody wants to know when it began.
  bool is_timed() const noexcept { return timed_; }
  /// Whether it may be run more than once, and so leaves its closure and arguments as they are.
  bool is_repeatable() const noexcept { return is_repeatable_; }
  /// Whether it is tried again after such a failure, which counts. @pre nobody else has it at hand
  bool may_retry(retry_on what) noexcept {
    if (retries_ == 0 || !includes(retry_on_, what)) return false;
    --retries_;
    return true;
  }
  /// In the worker, behind its result. False where it was condemned meanwhile: the worker is to end.
  bool finish(std::uint32_t worker) noexcept { return leave(task_phase::running, worker, task_phase::done); }

  /// In the pool: its worker, who is not to finish it any more, is about to be killed. False where it has finished it.
  bool condemn(std::uint32_t worker) noexcept {
    std::uint32_t seen = word_.load(std::memory_order_acquire);
    do {
      if (phase_of(seen) != task_phase::running || worker_of(seen) != worker || (seen & condemned) != 0) return false;
    } while (!word_.compare_exchange_weak(seen, seen | condemned, std::memory_order_acq_rel));
    return true;
  }
  bool is_condemned() const noexcept { return (word_.load(std::memory_order_acquire) & condemned) != 0; }

  /// In the pool: that worker is dead, and another one is to run it. Before it is in the queue again.
  bool begin_again(std::uint32_t worker) noexcept {
    std::uint32_t seen = word_.load(std::memory_order_acquire);
    do {
      if (phase_of(seen) != task_phase::running || worker_of(seen) != worker) return false;
    } while (!word_.compare_exchange_weak(seen, seen & awaited, std::memory_order_acq_rel));
    queued_.fetch_add(1, std::memory_order_relaxed);
    return true;
  }

  /// In the pool: nobody will finish it. @pre what `phase` says, its worker being dead or it being kept from all
  bool give_up(task_phase from, std::uint32_t worker) noexcept { return leave(from, worker, task_phase::failed); }

  task_phase phase() const noexcept { return phase_of(word_.load(std::memory_order_acquire)); }
  bool is_over() const noexcept { return phase() >= task_phase::done; }

  /// False where it is not over in time.
  bool wait_until(deadline until) noexcept {
    for (;;) {
      std::uint32_t seen = word_.load(std::memory_order_acquire);
      if (phase_of(seen) >= task_phase::done) return true;
      if (until.passed()) return false;
      if ((seen & awaited) == 0 && !word_.compare_exchange_weak(seen, seen | awaited, std::memory_order_relaxed))
        continue;
      os::futex_wait(&word_, seen | awaited, until.since_epoch_ns());
    }
  }

 private:
  // word: worker 24 | unused 4 | condemned 1 | awaited 1 | phase 2
  static constexpr std::uint32_t awaited = 4, condemned = 8;
  static task_phase phase_of(std::uint32_t word) noexcept { return static_cast<task_phase>(word & 3); }
  static std::uint32_t worker_of(std::uint32_t word) noexcept { return word >> 8; }

  bool leave(task_phase from, std::uint32_t worker, task_phase to) noexcept {
    std::uint32_t seen = word_.load(std::memory_order_acquire);
    do {
      if (phase_of(seen) != from || (from == task_phase::running && worker_of(seen) != worker)) return false;
      if (to == task_phase::done && (seen & condemned) != 0) return false;
      // The result comes before, and pairs with the acquire of who waits; seq_cst: as a herald's event count asks for.
    } while (!word_.compare_exchange_weak(seen, static_cast<std::uint32_t>(to), std::memory_order_seq_cst));
    if ((seen & awaited) != 0) os::futex_wake(&word_, INT_MAX);
    return true;
  }

  std::atomic<std::uint32_t> word_{0};
  serve_function* serve_;
  std::atomic<std::uint32_t> queued_{1};  // how many times it is in the queue
  std::uint32_t retries_ = 0;
  retry_on retry_on_ = retry_on::any;
  bool is_repeatable_ = false;
  bool timed_ = false;
};

/// What the pool's process keeps of a task, until it is over and nobody wants its outcome.
class task_ticket {
 public:
  explicit task_ticket(task_record& record) noexcept : record_(record) {}
  task_ticket(task_ticket const&) = delete;
  virtual ~task_ticket() = default;

  task_record& record() noexcept { return record_; }
  /// Fails it, where it is in that phase, as nobody will finish it.
  bool fail(task_phase from, std::uint32_t worker, failure why) {
    std::scoped_lock const hold(failing_);
    if (record_.phase() != from) return false;
    why_.emplace(std::move(why));
    return record_.give_up(from, worker);
  }
  /// Why it failed, where its worker did not tell. @pre it has failed
  failure const& why() const noexcept { return *why_; }
  /// Takes the result over from what the worker holds, which is about to be let go. @pre it is done
  virtual void collect() noexcept = 0;
  /// Lets go what a dead worker left of a result. @pre it is nobody's
  virtual void forget() noexcept = 0;

  /// Asks the task to stop: where it takes a stop_token.
  stop_source stop{nostopstate};
  std::chrono::nanoseconds timeout{0};
  tandem::priority priority = tandem::priority::normal;
  /// That which it follows: the herald runs it then.
  std::shared_ptr<task_ticket> before;
  /// Readable when it is over; made by the herald for the first who asks.
  fd event;

 private:
  task_record& record_;
  std::mutex failing_;
  std::optional<failure> why_;
};

}  // namespace tandem::impl

#endif  // TANDEM_CREW_IMPL_TASK_HPP
