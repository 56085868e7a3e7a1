// SPDX-License-Identifier: BSL-1.0
// The pool's own side: it keeps what has been submitted, and a thread that starts workers, notices their deaths, ends
// what has run for too long, and feeds what the board has no room for.
#ifndef TANDEM_CREW_IMPL_POOL_CORE_HPP
#define TANDEM_CREW_IMPL_POOL_CORE_HPP

#include <algorithm>     // for erase_if, max, min
#include <chrono>        // for nanoseconds, steady_clock
#include <csignal>       // for SIGKILL
#include <cstddef>       // for size_t
#include <cstdint>       // for int64_t, uint32_t, uintptr_t
#include <deque>         // for deque
#include <exception>     // for exception
#include <memory>        // for make_shared, shared_ptr
#include <mutex>         // for mutex, scoped_lock
#include <optional>      // for optional
#include <stdexcept>     // for invalid_argument
#include <string>        // for string, to_string
#include <system_error>  // for errc, system_error
#include <utility>       // for move
#include <vector>        // for vector

#include "tandem/core/deadline.hpp"         // for deadline
#include "tandem/core/errors.hpp"           // for throw_errc
#include "tandem/core/failure.hpp"          // for failure
#include "tandem/core/mode.hpp"             // for mode
#include "tandem/crew/impl/pool_board.hpp"  // for pool_board, pool_worker, task_address
#include "tandem/crew/impl/task.hpp"        // for task_phase, task_ticket
#include "tandem/crew/pool_options.hpp"     // for pool_options
#include "tandem/execution/cpu_set.hpp"     // for cpu_set
#include "tandem/execution/options.hpp"     // for options
#include "tandem/execution/thread.hpp"      // for thread
#include "tandem/execution/unit.hpp"        // for unit
#include "tandem/memory/shared.hpp"         // for shared
#include "tandem/os/clock.hpp"              // for monotonic_ns
#include "tandem/queue/queue_producer.hpp"  // for queue_producer
#include "tandem/resource/event.hpp"        // for event
#include "tandem/sync/wait_set.hpp"         // for wait_set

namespace tandem::impl {

using ticket = std::shared_ptr<task_ticket>;

class pool_core {
 public:
  /// @throws std::invalid_argument naming the option; what starting a unit throws: no worker is left then
  pool_core(tandem::mode how, pool_options options)
      : mode_(how),
        options_(checked(std::move(options))),
        board_(std::uint32_t{board_capacity}),
        room_(board_->tasks.producer()),
        herald_(std::make_shared<herald>(board_)),
        workers_(options_.workers) {
    try {
      for (std::size_t i = 0; i < workers_.size(); ++i) start(i);
      for (std::size_t i = 0; i < workers_.size(); ++i) ends_.add(workers_[i], i);
      ends_.add(told_, key_of_event);
      manager_ = thread<void>({.name = options_.name}, [this] { manage(); });
    } catch (...) {
      board_->tasks.close();  // those that have started end, and are waited for
      throw;
    }
  }
  pool_core(pool_core const&) = delete;
  ~pool_core() { shut_down(); }

  tandem::mode mode() const noexcept { return mode_; }
  std::size_t size() const noexcept { return workers_.size(); }

  /// @throws std::system_error (operation_not_permitted) where the pool is shut down; std::bad_alloc
  void submit(ticket one) {
    std::scoped_lock const hold(lock_);
    if (closing_)
      throw_errc(std::errc::operation_not_permitted, "submit", "the pool '" + options_.name + "' is shut down");
    task_address const at = address_of(*one);
    if (one->timeout.count() > 0) one->record().set_timed();
    if (one->timeout.count() > 0 && (shortest_.count() == 0 || one->timeout < shortest_)) {
      shortest_ = one->timeout;
      told_.notify();
    }
    if (tickets_.size() >= sweep_at_) sweep();
    tickets_.push_back(std::move(one));
    try {
      if (waiting_.empty() && board_->tasks.try_push(at)) return;
      waiting_.push_back(at);
    } catch (...) {
      tickets_.pop_back();
      throw;
    }
    if (waiting_.size() == 1) told_.notify();
  }

  std::shared_ptr<impl::herald> const& teller() const noexcept { return herald_; }

  /// Until all that had been submitted is over.
  void wait() {
    std::vector<ticket> all;
    {
      std::scoped_lock const hold(lock_);
      all = tickets_;
    }
    for (auto const& one : all) one->record().wait_until(deadline::never());
  }

  /// Nothing more is taken, and what waits for a worker fails.
  void cancel() {
    std::scoped_lock const hold(lock_);
    closing_ = true;
    for (auto const& one : tickets_)
      fail(*one, task_phase::waiting, 0, failure::lost(options_.name, "the pool was shut down before the task began"));
  }

  /// Ends when all that was submitted is over. Once.
  void shut_down() {
    {
      std::scoped_lock const hold(lock_);
      closing_ = true;
    }
    told_.notify();
    if (manager_.joinable()) static_cast<void>(manager_.join().has_value());
    std::scoped_lock const hold(lock_);
    tickets_.clear();
  }

 private:
  static constexpr std::uint32_t board_capacity = 1024;
  static constexpr std::size_t key_of_event = pool_board::most_workers, key_of_room = key_of_event + 1;
  static constexpr std::size_t least_sweep = 1024;

  static pool_options checked(pool_options options) {
    if (options.workers == 0) options.workers = std::max<std::size_t>(1, cpu_set::available().size());
    if (options.workers > pool_board::most_workers)
      throw std::invalid_argument("tandem: make a pool: workers is " + std::to_string(options.workers) +
                                  ", more than 1024");
    if (options.start.is_exec())
      throw std::invalid_argument("tandem: make a pool: start is exec: its workers could not run the pool's closures");
    return options;
  }

  static task_address address_of(task_ticket& one) noexcept { return reinterpret_cast<std::uintptr_t>(&one.record()); }

  std::string name_of(std::size_t i) const { return options_.name + ' ' + std::to_string(i); }

  void start(std::size_t i) {
    options how;
    how.name = name_of(i);
    how.start = options_.start;
    workers_[i] = unit<void>(mode_, std::move(how), pool_worker{}, board_, static_cast<std::uint32_t>(i),
                             options_.max_tasks_per_worker);
  }

  // ---- the manager

  void manage() {
    std::vector<std::size_t> missing;
    for (;;) {
      std::int64_t wake = INT64_MAX;
      {
        std::scoped_lock const hold(lock_);
        while (!waiting_.empty() && board_->tasks.try_push(waiting_.front())) waiting_.pop_front();
        if (closing_ && waiting_.empty()) board_->tasks.close();
        if (!waiting_.empty()) ends_.add(room_, key_of_room);
        wake = end_what_is_late();
      }
      std::erase_if(missing, [this](std::size_t i) { return !is_needed() || restarted(i); });
      if (!missing.empty()) wake = std::min(wake, os::monotonic_ns() + start_again_ns);
      if (missing.empty() && !has_workers()) return;
      auto const told = ends_.wait(at(wake));
      if (!told || *told == key_of_room) continue;
      if (*told == key_of_event) {
        told_.try_wait();
        ends_.add(told_, key_of_event);
        continue;
      }
      bury(*told);
      missing.push_back(*told);
    }
  }

  static deadline at(std::int64_t ns) {
    if (ns == INT64_MAX) return deadline::never();
    return deadline::at(std::chrono::steady_clock::time_point(std::chrono::nanoseconds(ns)));
  }

  bool has_workers() const noexcept {
    for (auto const& one : workers_)
      if (one.joinable()) return true;
    return false;
  }

  /// Whether another worker can find something to do.
  bool is_needed() {
    std::scoped_lock const hold(lock_);
    if (!closing_ || !waiting_.empty()) return true;
    for (auto const& one : tickets_)
      if (one->record().phase() == task_phase::waiting) return true;
    return false;
  }

  /// False where the system refuses; it is tried again.
  bool restarted(std::size_t i) {
    try {
      start(i);
      ends_.add(workers_[i], i);
      return true;
    } catch (std::exception const&) { return false; }
  }

  /// A worker has ended: what it has given is taken home before what it held is let go, and the task that it had at
  /// hand fails with it.
  void bury(std::size_t i) {
    std::scoped_lock const hold(lock_);
    for (auto const& one : tickets_)
      if (one->record().phase() == task_phase::done) one->collect();
    board_->finished.notify_all();  // it may have died before it did
    auto const end = workers_[i].join();
    task_address const had = board_->places[i].task.exchange(0, std::memory_order_acq_rel);
    for (auto const& one : tickets_) {
      if (address_of(*one) != had) continue;
      one->is_at_hand = false;
      if (!end) fail(*one, task_phase::running, static_cast<std::uint32_t>(i), end.error());
    }
  }

  /// Ends the workers of tasks that have run for too long. When to look again.
  std::int64_t end_what_is_late() {
    if (shortest_.count() == 0) return INT64_MAX;
    std::int64_t const now = os::monotonic_ns();
    std::int64_t next = now + std::max<std::int64_t>(shortest_.count() / 8, 1'000'000);
    for (std::size_t i = 0; i < workers_.size(); ++i) {
      task_address const at = board_->places[i].task.load(std::memory_order_acquire);
      std::int64_t const since = board_->places[i].since.load(std::memory_order_relaxed);
      if (at == 0) continue;
      for (auto const& one : tickets_) {
        if (address_of(*one) != at || one->timeout.count() == 0) continue;
        if (now - since < one->timeout.count()) {
          next = std::min(next, since + one->timeout.count());
        } else if (fail(*one, task_phase::running, static_cast<std::uint32_t>(i),
                        failure::timed_out(name_of(i), one->timeout))) {
          one->is_at_hand = true;
          workers_[i].as_process()->kill(SIGKILL);
        }
      }
    }
    return next;
  }

  /// @pre lock_ is held
  bool fail(task_ticket& one, task_phase from, std::uint32_t worker, failure why) {
    if (one.record().phase() != from) return false;
    one.blame(std::move(why));
    if (!one.record().give_up(from, worker)) return false;
    board_->finished.notify_all();
    return true;
  }

  /// Forgets what is over, and in nobody's hands. @pre lock_ is held
  void sweep() {
    std::erase_if(tickets_, [](ticket const& one) {
      if (!one->record().is_over() || one->record().is_queued() || one->is_at_hand) return false;
      if (one.use_count() != 1 && one->record().phase() == task_phase::done) one->collect();
      return true;
    });
    sweep_at_ = std::max(least_sweep, 2 * tickets_.size());
    if (std::none_of(tickets_.begin(), tickets_.end(), [](ticket const& one) { return one->timeout.count() > 0; }))
      shortest_ = {};
  }

  tandem::mode const mode_;
  pool_options const options_;
  shared<pool_board> board_;
  queue_producer<acknowledged_queue<task_address>> room_;
  std::shared_ptr<impl::herald> herald_;
  event told_;
  wait_set<std::size_t> ends_;
  std::vector<unit<void>> workers_;  // the manager's, once it runs

  std::mutex lock_;
  bool closing_ = false;
  std::vector<ticket> tickets_;       // of what is not over, and some more
  std::deque<task_address> waiting_;  // for room on the board
  std::size_t sweep_at_ = least_sweep;
  std::chrono::nanoseconds shortest_{0};  // timeout
  thread<void> manager_;

  static constexpr std::int64_t start_again_ns = 100'000'000;
};

}  // namespace tandem::impl

#endif  // TANDEM_CREW_IMPL_POOL_CORE_HPP
