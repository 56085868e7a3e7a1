// SPDX-License-Identifier: BSL-1.0
// Descriptors for futures: who tells of a task's end may be another process, which has none of ours.
#ifndef TANDEM_CREW_IMPL_HERALD_HPP
#define TANDEM_CREW_IMPL_HERALD_HPP

#include <algorithm>  // for erase_if
#include <memory>     // for shared_ptr
#include <mutex>      // for mutex, scoped_lock
#include <utility>    // for move
#include <vector>     // for vector

#include "tandem/core/errors.hpp"            // for throw_errno
#include "tandem/crew/impl/pool_board.hpp"   // for pool_board
#include "tandem/crew/impl/task.hpp"         // for task_ticket
#include "tandem/execution/thread.hpp"       // for thread
#include "tandem/memory/shared.hpp"          // for shared
#include "tandem/os/eventfd.hpp"             // for eventfd_add, open_eventfd
#include "tandem/os/futex.hpp"               // for no_deadline
#include "tandem/sync/impl/await.hpp"        // for await
#include "tandem/sync/impl/event_count.hpp"  // for event_count

namespace tandem::impl {

/// Makes the descriptors of a pool's futures readable: a thread, from the first time that somebody asks for one.
/// Outlives the pool as long as one of its futures does.
class herald {
 public:
  explicit herald(shared<pool_board> board) : board_(std::move(board)) {}
  herald(herald const&) = delete;
  ~herald() {
    {
      std::scoped_lock const hold(lock_);
      ends_ = true;
    }
    board_->finished.notify_all();
  }  // and waits for its thread

  /// The descriptor of `task`. @throws std::system_error  EMFILE, ENFILE, EAGAIN where there can be no further thread
  int handle_of(std::shared_ptr<task_ticket> const& task) {
    if (task->event) return task->event.get();
    fd event(os::open_eventfd());
    if (!event) throw_errno("wait for a future", "eventfd");
    {
      std::scoped_lock const hold(lock_);
      if (!thread_.joinable()) thread_ = thread<void>([this] { tell(); });
      watched_.push_back(task);
      task->event = std::move(event);
    }
    board_->finished.notify_all();
    return task->event.get();
  }

 private:
  void tell() {
    while (!ends()) {
      await(board_->finished, os::no_deadline, [this] { return told_of_some() || ends(); });
    }
  }

  bool ends() {
    std::scoped_lock const hold(lock_);
    return ends_;
  }

  bool told_of_some() {
    std::scoped_lock const hold(lock_);
    return std::erase_if(watched_, [](auto const& task) {
             if (!task->record().is_over()) return false;
             os::eventfd_add(task->event.get(), 1);
             return true;
           }) != 0;
  }

  shared<pool_board> board_;
  std::mutex lock_;
  bool ends_ = false;
  std::vector<std::shared_ptr<task_ticket>> watched_;
  thread<void> thread_;
};

}  // namespace tandem::impl

#endif  // TANDEM_CREW_IMPL_HERALD_HPP
