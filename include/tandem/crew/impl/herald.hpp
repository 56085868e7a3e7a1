// SPDX-License-Identifier: BSL-1.0
// Descriptors for futures, and what follows them: who tells of a task's end may be another process, which has none of
// ours.
#ifndef TANDEM_CREW_IMPL_HERALD_HPP
#define TANDEM_CREW_IMPL_HERALD_HPP

#include <algorithm>  // for any_of, move, stable_partition
#include <iterator>   // for back_inserter
#include <memory>     // for make_shared, make_unique, shared_ptr, unique_ptr
#include <mutex>      // for mutex, scoped_lock
#include <utility>    // for move
#include <vector>     // for vector

#include "tandem/core/errors.hpp"            // for throw_errno
#include "tandem/crew/impl/pool_board.hpp"   // for pool_board
#include "tandem/crew/impl/task.hpp"         // for task_ticket
#include "tandem/execution/this_unit.hpp"    // for this_unit
#include "tandem/execution/thread.hpp"       // for thread
#include "tandem/memory/shared.hpp"          // for shared
#include "tandem/os/eventfd.hpp"             // for eventfd_add, open_eventfd
#include "tandem/os/futex.hpp"               // for no_deadline
#include "tandem/sync/impl/await.hpp"        // for await
#include "tandem/sync/impl/event_count.hpp"  // for event_count

namespace tandem::impl {

/// What is to be done when a task is over.
class continuation {
 public:
  virtual ~continuation() = default;
  virtual void run() noexcept = 0;
};

template <class Call> class continuation_of final : public continuation {
 public:
  explicit continuation_of(Call call) : call_(std::move(call)) {}
  void run() noexcept override { call_(); }

 private:
  Call call_;
};

/// Makes the descriptors of a pool's futures readable, and does what is to be done when tasks are over: a thread, from
/// the first time that somebody asks for one. Outlives the pool as long as one of its futures does.
class herald {
 public:
  explicit herald(shared<pool_board> board) : its_(std::make_shared<state>(std::move(board))) {}
  herald(herald const&) = delete;
  /// And waits for its thread; where that is the calling one, it ends behind this.
  ~herald() {
    {
      std::scoped_lock const hold(its_->lock);
      its_->ends = true;
    }
    its_->board->finished.notify_all();
    if (thread_.joinable() && thread_.get_id() == this_unit::get_id()) thread_.detach();
  }

  pool_board& board() noexcept { return *its_->board; }

  /// The descriptor of `task`. @throws std::system_error  EMFILE, ENFILE, EAGAIN where there can be no further thread
  int handle_of(std::shared_ptr<task_ticket> const& task) {
    if (task->event) return task->event.get();
    fd event(os::open_eventfd());
    if (!event) throw_errno("wait for a future", "eventfd");
    watch(task, nullptr, [&] { task->event = std::move(event); });
    return task->event.get();
  }

  /// Calls `call` in the herald's thread when `task` is over. It must not throw.
  /// @throws std::bad_alloc; std::system_error  EAGAIN where there can be no further thread
  template <class Call> void when_over(std::shared_ptr<task_ticket> const& task, Call call) {
    watch(task, std::make_unique<continuation_of<Call>>(std::move(call)), [] {});
  }

 private:
  struct watched {
    std::shared_ptr<task_ticket> task;
    std::unique_ptr<continuation> then;  // or its event
  };
  struct state {
    explicit state(shared<pool_board> where) : board(std::move(where)) {}
    shared<pool_board> board;
    std::mutex lock;
    bool ends = false;
    std::vector<watched> all;
  };

  template <class Set>
  void watch(std::shared_ptr<task_ticket> const& task, std::unique_ptr<continuation> then, Set set) {
    {
      std::scoped_lock const hold(its_->lock);
      if (!thread_.joinable()) thread_ = thread<void>({.name = "herald"}, [its = its_] { tell(*its); });
      its_->all.push_back({task, std::move(then)});
      set();
    }
    its_->board->finished.notify_all();
  }

  static void tell(state& its) {
    for (;;) {
      bool ends = false;
      await(its.board->finished, os::no_deadline, [&] {
        std::scoped_lock const hold(its.lock);
        ends = its.ends;
        return ends || std::any_of(its.all.begin(), its.all.end(), is_over);
      });
      bool const told = tell_of_some(its);
      if (ends && !told) return;
    }
  }

  static bool is_over(watched const& one) { return one.task->record().is_over(); }

  static bool tell_of_some(state& its) {
    std::vector<watched> over;
    {
      std::scoped_lock const hold(its.lock);
      auto const first = std::stable_partition(its.all.begin(), its.all.end(), [](auto& one) { return !is_over(one); });
      std::move(first, its.all.end(), std::back_inserter(over));
      its.all.erase(first, its.all.end());
    }
    for (auto& one : over) {
      if (one.then)
        one.then->run();
      else
        os::eventfd_add(one.task->event.get(), 1);
    }
    its.board->finished.notify_all();  // some wait for what ran here
    return !over.empty();
  }

  std::shared_ptr<state> its_;
  thread<void> thread_;
};

}  // namespace tandem::impl

#endif  // TANDEM_CREW_IMPL_HERALD_HPP
