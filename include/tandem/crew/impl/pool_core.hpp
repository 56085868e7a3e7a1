// SPDX-License-Identifier: BSL-1.0
// The pool's own side: it keeps what has been submitted, and a thread that starts workers, notices their deaths, ends
// what has run for too long, and feeds what the board has no room for.
#ifndef TANDEM_CREW_IMPL_POOL_CORE_HPP
#define TANDEM_CREW_IMPL_POOL_CORE_HPP

#include <algorithm>     // for all_of, erase_if, find, max, min, none_of
#include <atomic>        // for atomic
#include <chrono>        // for nanoseconds, steady_clock
#include <csignal>       // for SIGKILL
#include <cstddef>       // for size_t
#include <cstdint>       // for int64_t, uint32_t, uintptr_t
#include <deque>         // for deque
#include <exception>     // for exception
#include <iterator>      // for begin, end
#include <memory>        // for make_shared, shared_ptr, unique_ptr
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
#include "tandem/core/outcome.hpp"          // for outcome
#include "tandem/crew/impl/pool_board.hpp"  // for pool_board, pool_worker, task_address, this_worker
#include "tandem/crew/impl/task.hpp"        // for task_phase, task_ticket
#include "tandem/crew/pool_options.hpp"     // for pool_options, priority, retry_on
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

/// How a worker begins: with what the pool's user wants of each.
class worker_starter {
 public:
  virtual ~worker_starter() = default;
  virtual unit<void> start(tandem::mode mode, options how, shared<pool_board> const& board, std::uint32_t number,
                           std::uint64_t most_tasks) const = 0;
};

template <class Hook> struct hooked_worker {
  Hook hook;
  void operator()(shared<pool_board> const& board, std::uint32_t number, std::uint64_t most_tasks) {
    hook(std::size_t{number});
    pool_worker{}(board, number, most_tasks);
  }
};

template <class Hook> class starter_with final : public worker_starter {
 public:
  explicit starter_with(Hook hook) : hook_(std::move(hook)) {}
  unit<void> start(tandem::mode mode, options how, shared<pool_board> const& board, std::uint32_t number,
                   std::uint64_t most_tasks) const override {
    return unit<void>(mode, std::move(how), hooked_worker<Hook>{hook_}, board, number, most_tasks);
  }

 private:
  Hook hook_;
};

class plain_starter final : public worker_starter {
 public:
  unit<void> start(tandem::mode mode, options how, shared<pool_board> const& board, std::uint32_t number,
                   std::uint64_t most_tasks) const override {
    return unit<void>(mode, std::move(how), pool_worker{}, board, number, most_tasks);
  }
};

class pool_core {
 public:
  /// @throws std::invalid_argument naming the option; what starting a unit throws: no worker is left then
  pool_core(tandem::mode how, pool_options options, std::unique_ptr<worker_starter> starter)
      : mode_(how),
        options_(checked(std::move(options))),
        starter_(std::move(starter)),
        cpus_(options_.divide_cpus ? numbers_of(cpu_set::available()) : std::vector<unsigned>{}),
        board_(std::uint32_t{board_capacity}),
        herald_(std::make_shared<herald>(board_)),
        workers_(options_.workers),
        wanted_(options_.workers) {
    for (auto& one : levels_) one.room.emplace(board_->of(one.which).producer());
    try {
      for (std::size_t i = 0; i < workers_.size(); ++i) start(i);
      for (std::size_t i = 0; i < workers_.size(); ++i) ends_.add(workers_[i], i);
      ends_.add(told_, key_of_event);
      manager_ = thread<void>({.name = options_.name}, [this] { manage(); });
    } catch (...) {
      close_board();  // those that have started end, and are waited for
      throw;
    }
  }
  pool_core(pool_core const&) = delete;
  ~pool_core() { shut_down(); }  // @pre not in one of its workers

  tandem::mode mode() const noexcept { return mode_; }
  std::size_t size() const noexcept { return wanted_.load(std::memory_order_relaxed); }
  pool_board& board() noexcept { return *board_; }

  /// @throws std::system_error (operation_not_permitted) where the pool is shut down; std::bad_alloc
  void submit(ticket one) {
    std::scoped_lock const hold(lock_);
    require_open("submit");
    if (one->timeout.count() > 0 && (shortest_.count() == 0 || one->timeout < shortest_)) {
      shortest_ = one->timeout;
      told_.notify();
    }
    if (tickets_.size() >= sweep_at_) sweep();
    tickets_.push_back(std::move(one));
    try {
      if (!queue(*tickets_.back())) told_.notify();
    } catch (...) {
      tickets_.pop_back();
      throw;
    }
  }

  std::shared_ptr<impl::herald> const& teller() const noexcept { return herald_; }

  /// As many workers as that, at once or as soon as those too many have done what they have at hand.
  void resize(std::size_t workers) {
    {
      std::scoped_lock const hold(lock_);
      require_open("resize");
      wanted_.store(workers, std::memory_order_relaxed);
    }
    told_.notify();
  }

  /// Until all that had been submitted is over.
  void wait() {
    require_no_worker("wait");
    std::vector<ticket> all;
    {
      std::scoped_lock const hold(lock_);
      all = tickets_;
    }
    for (auto const& one : all) one->record().wait_until(deadline::never());
  }

  /// Nothing more is taken; what waits for a worker fails, and what runs is asked to stop.
  void cancel() {
    require_no_worker("shutdown_now");
    std::scoped_lock const hold(lock_);
    closing_ = true;
    for (auto const& one : tickets_) {
      fail(*one, task_phase::waiting, 0, failure::lost(options_.name, "the pool was shut down before the task began"));
      one->stop.request_stop();
    }
  }

  /// Ends when all that was submitted is over. Once.
  void shut_down() {
    require_no_worker("shutdown");
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
  static constexpr std::size_t most_failed_starts = 8;  // of as many workers as there are
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

  static std::vector<unsigned> numbers_of(cpu_set const& cpus) { return {cpus.begin(), cpus.end()}; }

  static task_address address_of(task_ticket& one) noexcept { return reinterpret_cast<std::uintptr_t>(&one.record()); }

  std::string name_of(std::size_t i) const { return options_.name + ' ' + std::to_string(i); }

  void require_open(char const* operation) const {
    if (closing_) throw_errc(std::errc::operation_not_permitted, operation, "the pool '" + options_.name + "' " + why_);
  }
  void require_no_worker(char const* operation) const {
    if (this_worker.board == board_.get())
      throw_errc(std::errc::resource_deadlock_would_occur, operation,
                 "a task of the pool '" + options_.name + "' would wait for itself");
  }

  void start(std::size_t i) {
    options how;
    how.name = name_of(i);
    how.start = options_.start;
    if (!cpus_.empty()) {
      std::size_t const many = wanted_.load(std::memory_order_relaxed), first = i * cpus_.size() / many;
      how.cpus.insert(cpus_[first % cpus_.size()]);
      for (std::size_t at = first + 1; at < (i + 1) * cpus_.size() / many; ++at)
        how.cpus.insert(cpus_[at % cpus_.size()]);
    }
    workers_[i] =
        starter_->start(mode_, std::move(how), board_, static_cast<std::uint32_t>(i), options_.max_tasks_per_worker);
  }

  // ---- the way to the workers; lock_ is held

  struct level {
    priority which;
    std::deque<task_address> waiting = {};  // for room on the board
    std::optional<queue_producer<acknowledged_queue<task_address>>> room = {};
  };

  level& level_of(priority which) noexcept {
    return levels_[which == priority::high ? 0 : which == priority::normal ? 1 : 2];
  }

  /// False where it waits for room, as the first one. @throws std::bad_alloc
  bool queue(task_ticket& one) {
    level& its = level_of(one.priority);
    task_address const at = address_of(one);
    if (one.priority != priority::normal) board_->has_priorities.store(true, std::memory_order_release);
    if (its.waiting.empty() && push(its, at)) return true;
    its.waiting.push_back(at);
    return its.waiting.size() > 1;
  }

  /// A worker that sleeps is woken by what is in `tasks`; where that is full, each looks at the others before it takes
  /// one of them.
  bool push(level const& its, task_address at) {
    if (!board_->of(its.which).try_push(at)) return false;
    if (its.which != priority::normal) board_->tasks.try_push(pool_board::hint);
    return true;
  }

  void feed() {
    for (auto& one : levels_) {
      while (!one.waiting.empty() && push(one, one.waiting.front())) one.waiting.pop_front();
      if (!one.waiting.empty()) ends_.add(*one.room, key_of_room);
    }
    if (closing_ && is_fed()) close_board();
  }

  bool is_fed() const noexcept {
    return std::all_of(std::begin(levels_), std::end(levels_), [](level const& one) { return one.waiting.empty(); });
  }

  void close_board() {
    board_->urgent.close();
    board_->patient.close();
    board_->tasks.close();
  }

  // ---- the manager

  void manage() {
    std::vector<std::size_t> missing;
    for (;;) {
      std::int64_t wake = INT64_MAX;
      {
        std::scoped_lock const hold(lock_);
        feed();
        wake = end_what_is_late();
      }
      adjust(missing);
      std::erase_if(missing, [this](std::size_t i) { return !is_needed(i) || restarted(i); });
      if (!missing.empty()) wake = std::min(wake, os::monotonic_ns() + start_again_ns);
      if (missing.empty() && !has_workers()) return;
      auto const told = ends_.wait(at(wake));
      if (!told || *told == key_of_room) continue;
      if (*told == key_of_event) {
        told_.try_wait();
        ends_.add(told_, key_of_event);
        continue;
      }
      if (bury(*told)) missing.push_back(*told);
    }
  }

  /// Follows a change of the number of workers.
  void adjust(std::vector<std::size_t>& missing) {
    std::size_t const wanted = wanted_.load(std::memory_order_relaxed);
    while (workers_.size() < wanted) workers_.emplace_back();
    for (std::size_t i = std::min(wanted, adjusted_); i < workers_.size(); ++i) {
      if (i >= wanted)
        workers_[i].request_stop();
      else if (!workers_[i].joinable() && std::find(missing.begin(), missing.end(), i) == missing.end())
        missing.push_back(i);
    }
    adjusted_ = wanted;
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
  bool is_needed(std::size_t i) {
    std::scoped_lock const hold(lock_);
    if (i >= wanted_.load(std::memory_order_relaxed)) return false;
    if (!closing_ || !is_fed()) return true;
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
  /// hand fails with it, or is tried again. False where no worker comes to work any more.
  bool bury(std::size_t i) {
    std::scoped_lock const hold(lock_);
    for (auto const& one : tickets_)
      if (one->record().phase() == task_phase::done) one->collect();
    board_->finished.notify_all();  // it may have died before it did
    auto const end = workers_[i].join();
    auto& place = board_->places[i];
    task_address const had = place.task.exchange(0, std::memory_order_acq_rel);
    for (auto const& one : tickets_)
      if (address_of(*one) == had) lose(*one, static_cast<std::uint32_t>(i), end);
    bool const worked = place.ready.exchange(false, std::memory_order_relaxed);
    failed_starts_ = worked ? 0 : failed_starts_ + 1;
    if (end || failed_starts_ < most_failed_starts * workers_.size()) return true;
    if (!has_some_at_work()) give_up(end.error());
    return false;
  }

  /// Its worker is dead.
  void lose(task_ticket& one, std::uint32_t worker, outcome<void> const& end) {
    bool const late = one.record().is_condemned();
    if (one.record().phase() != task_phase::running || (end && !late)) return;
    if (one.record().may_retry(late ? retry_on::timeout : retry_on::death)) {
      one.forget();
      if (one.record().begin_again(worker)) static_cast<void>(queue(one));
      return;
    }
    fail(one, task_phase::running, worker, late ? failure::timed_out(name_of(worker), one.timeout) : end.error());
  }

  /// Workers end before they begin to work: nothing that waits would ever be done.
  void give_up(failure const& why) {
    closing_ = true;
    why_ = "is shut down since its workers do not start: " + why.to_string();
    for (auto const& one : tickets_) fail(*one, task_phase::waiting, 0, why);
    for (auto& one : levels_) one.waiting.clear();
  }

  bool has_some_at_work() const noexcept {
    for (std::size_t i = 0; i < workers_.size(); ++i)
      if (board_->places[i].ready.load(std::memory_order_relaxed)) return true;
    return false;
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
        } else if (one->record().condemn(static_cast<std::uint32_t>(i))) {
          workers_[i].as_process()->kill(SIGKILL);
        }
      }
    }
    return next;
  }

  void fail(task_ticket& one, task_phase from, std::uint32_t worker, failure why) {
    if (one.fail(from, worker, std::move(why))) board_->finished.notify_all();
  }

  /// Forgets what is over, and in no queue. @pre lock_ is held
  void sweep() {
    std::erase_if(tickets_, [](ticket const& one) {
      if (!one->record().is_over() || one->record().is_queued()) return false;
      if (one.use_count() != 1 && one->record().phase() == task_phase::done) one->collect();
      return true;
    });
    sweep_at_ = std::max(least_sweep, 2 * tickets_.size());
    if (std::none_of(tickets_.begin(), tickets_.end(), [](ticket const& one) { return one->timeout.count() > 0; }))
      shortest_ = {};
  }

  tandem::mode const mode_;
  pool_options const options_;
  std::unique_ptr<worker_starter> const starter_;
  std::vector<unsigned> const cpus_;  // to be divided
  shared<pool_board> board_;
  std::shared_ptr<impl::herald> herald_;
  event told_;
  wait_set<std::size_t> ends_;
  std::deque<unit<void>> workers_;  // the manager's, once it runs, as are the next two
  std::size_t adjusted_ = 0, failed_starts_ = 0;
  std::atomic<std::size_t> wanted_;  // workers

  std::mutex lock_;
  bool closing_ = false;
  std::string why_ = "is shut down";
  std::vector<ticket> tickets_;  // of what is not over, and some more
  level levels_[3] = {{priority::high}, {priority::normal}, {priority::low}};
  std::size_t sweep_at_ = least_sweep;
  std::chrono::nanoseconds shortest_{0};  // timeout
  thread<void> manager_;

  static constexpr std::int64_t start_again_ns = 100'000'000;
};

}  // namespace tandem::impl

#endif  // TANDEM_CREW_IMPL_POOL_CORE_HPP
