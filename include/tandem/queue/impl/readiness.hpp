// SPDX-License-Identifier: BSL-1.0
// A descriptor for what only shared memory tells: whether the end of a queue can go on.
#ifndef TANDEM_QUEUE_IMPL_READINESS_HPP
#define TANDEM_QUEUE_IMPL_READINESS_HPP

#include <pthread.h>  // for pthread_create, pthread_join

#include <atomic>   // for atomic
#include <cstdint>  // for uint32_t, uint64_t
#include <memory>   // for make_unique, unique_ptr
#include <mutex>    // for mutex, scoped_lock, unique_lock

#include "tandem/core/deadline.hpp"          // for deadline
#include "tandem/core/errors.hpp"            // for throw_errno
#include "tandem/os/eventfd.hpp"             // for eventfd_add, eventfd_take, open_eventfd
#include "tandem/os/futex.hpp"               // for futex_scope, futex_wait, futex_wake, no_deadline
#include "tandem/os/process_id.hpp"          // for process_id
#include "tandem/os/signal.hpp"              // for signals_blocked
#include "tandem/queue/impl/queue_core.hpp"  // for queue_side
#include "tandem/resource/fd.hpp"            // for fd

namespace tandem::impl {

/// An eventfd, and a thread that sleeps at the queue and makes it readable: the kernel has no way to poll a futex.
template <class Queue, class Cursor> class readiness {
 public:
  /// @throws std::system_error  EMFILE, ENFILE, EAGAIN where there can be no further thread
  readiness(Queue& queue, queue_side side) : queue_(queue), side_(side), event_(os::open_eventfd()) {
    if (!event_) throw_errno("wait for a queue: eventfd");
    os::signals_blocked const for_the_thread;
    int const error = ::pthread_create(
        &thread_, nullptr,
        [](void* me) -> void* {
          static_cast<readiness*>(me)->serve();
          return nullptr;
        },
        this);
    if (error != 0) throw_errno(error, "wait for a queue: pthread_create");
  }
  readiness(readiness const&) = delete;
  ~readiness() {
    next_turn([this] { ends_ = true; });
    queue_.wake_all(side_);
    ::pthread_join(thread_, nullptr);
  }

  int handle() const noexcept { return event_.get(); }

  /// Whether this process has the thread: a forked child has none.
  bool is_here() const noexcept { return owner_ == os::process_id(); }

  /// From now on readable as soon as a step with `at` can be done, or never again can.
  void watch(Cursor const& at) noexcept {
    next_turn([&] {
      std::uint64_t unused = 0;
      if (!watches_) os::eventfd_take(event_.get(), unused);
      watches_ = true;
      at_ = at;
    });
  }

  /// Readable now.
  void tell() noexcept {
    next_turn([this] { tell_once(); });
  }

 private:
  /// Changes what the thread is told to do; whatever it finds out for an earlier turn counts no more.
  template <class Change> void next_turn(Change change) noexcept {
    {
      std::scoped_lock const hold(lock_);
      change();
      turn_.fetch_add(1, std::memory_order_seq_cst);  // seq_cst: before the look for sleepers of a notification
    }
    os::futex_wake(&turn_, 1, os::futex_scope::in_process);
  }

  /// @pre lock_ is held
  void tell_once() noexcept {
    os::eventfd_add(event_.get(), 1);
    watches_ = false;
  }

  void serve() noexcept {
    for (std::unique_lock hold(lock_); !ends_;) {
      auto const turn = turn_.load(std::memory_order_relaxed);
      bool const watches = watches_;
      Cursor at = at_;
      hold.unlock();
      if (!watches) {
        os::futex_wait(&turn_, turn, os::no_deadline, os::futex_scope::in_process);
      } else {
        try {
          queue_.wait_until_ready(side_, at, deadline::never(),
                                  [&] { return turn_.load(std::memory_order_seq_cst) != turn; });
        } catch (...) {}  // this thread cannot enrol in the family: the end itself will meet that
      }
      hold.lock();
      if (watches && turn == turn_.load(std::memory_order_relaxed)) tell_once();
    }
  }

  Queue& queue_;
  queue_side side_;
  fd event_;
  pid_t owner_ = os::process_id();
  std::mutex lock_;
  std::atomic<std::uint32_t> turn_{0};  // changes under the lock
  Cursor at_{};
  bool watches_ = false;  // the descriptor is not readable, and the thread is to make it so
  bool ends_ = false;
  pthread_t thread_{};
};

/// None, until it is asked for; of each copy of an end its own.
template <class Queue, class Cursor> class own_readiness {
 public:
  own_readiness() noexcept = default;
  own_readiness(own_readiness const&) noexcept {}
  own_readiness(own_readiness&&) noexcept = default;
  own_readiness& operator=(own_readiness other) noexcept {
    made_.swap(other.made_);
    return *this;
  }
  ~own_readiness() { forget_parents(); }

  static bool is_ready(Queue& queue, queue_side side, Cursor& at) { return queue.is_ready(side, at); }
  static bool sleep_until(Queue& queue, queue_side side, Cursor& at, deadline until) {
    return queue.wait_until_ready(side, at, until, [] { return false; });
  }

  /// @throws as readiness
  int handle(Queue& queue, queue_side side, Cursor& at) {
    forget_parents();
    if (!made_) made_ = std::make_unique<readiness<Queue, Cursor>>(queue, side);
    if (queue.is_ready(side, at))
      made_->tell();
    else
      made_->watch(at);
    return made_->handle();
  }

  /// A step with `at` could not be done: readable no longer, until one can.
  void was_not_ready(Queue& queue, Cursor const& at) noexcept {
    if (made_ && made_->is_here() && !queue.is_closed()) made_->watch(at);
  }

 private:
  void forget_parents() noexcept {
    if (made_ && !made_->is_here()) (void)made_.release();  // what it has is the parent's: its thread, its descriptor
  }

  std::unique_ptr<readiness<Queue, Cursor>> made_;
};

}  // namespace tandem::impl

#endif  // TANDEM_QUEUE_IMPL_READINESS_HPP
