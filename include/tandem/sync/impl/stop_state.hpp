// SPDX-License-Identifier: BSL-1.0
// What a stop_source and its stop_tokens refer to: a word that goes from 0 to 1 once, and the callbacks that wait for
// it in this process.
//
// The state is private memory, the word at first too. When a token or a source travels to a process, the state gets a
// second word, in the commons, that both sides see: a request sets both. A forked child holds the state's copy, with
// the same word in the commons. A request made in another process reaches the callbacks here by a thread that sleeps on
// that word; it is there only while such callbacks are.
#ifndef TANDEM_SYNC_IMPL_STOP_STATE_HPP
#define TANDEM_SYNC_IMPL_STOP_STATE_HPP

#include <pthread.h>  // for pthread_create
#include <signal.h>   // for pthread_sigmask, sigfillset
#include <unistd.h>   // for getpid

#include <atomic>    // for atomic
#include <cerrno>    // for errno, ETIMEDOUT
#include <climits>   // for INT_MAX
#include <cstdint>   // for uint32_t, int64_t
#include <mutex>     // for lock_guard, mutex, unique_lock
#include <optional>  // for optional
#include <utility>   // for move

#include "tandem/config.hpp"            // for TANDEM_NOINLINE
#include "tandem/core/errors.hpp"       // for throw_errno
#include "tandem/memory/shared.hpp"     // for shared
#include "tandem/os/futex.hpp"          // for futex_wait, futex_wake
#include "tandem/os/process_table.hpp"  // for thread_id

namespace tandem::impl {

/// A registered callback: a link of the state's list. It lies in its stop_callback.
struct stop_callback_link {
  void (*run)(stop_callback_link&) noexcept;
  stop_callback_link* previous = nullptr;
  stop_callback_link* next = nullptr;
  std::atomic<std::uint32_t> done{0};
  bool* destroyed = nullptr;  // where its own destructor, called from inside the callback, says so
  pid_t process = 0;          // whose callback it is: a forked child has a copy, which is none of its business
};

class stop_state {
 public:
  stop_state() = default;
  /// Shared from the start: by way of `word`.
  explicit stop_state(shared<std::atomic<std::uint32_t>> word) noexcept
      : across_word_(word.get()), across_(std::move(word)) {}
  stop_state(stop_state const&) = delete;
  ~stop_state() = default;

  /// Every handle counts; a source twice over, so that tokens know whether anybody can still ask for a stop.
  void add_handle() noexcept { handles_.fetch_add(1, std::memory_order_relaxed); }
  void add_source() noexcept { sources_.fetch_add(1, std::memory_order_relaxed); }
  void drop_source() noexcept {
    sources_.fetch_sub(1, std::memory_order_release);
  }  // pairs with stop_possible's acquire
  void drop_handle() noexcept {
    if (handles_.fetch_sub(1, std::memory_order_acq_rel) == 1)
      destroy(this);  // every use through another handle comes before
  }

  bool stop_requested() const noexcept {
    if (own_.load(std::memory_order_acquire) != 0) return true;  // acquire: pairs with request_stop's exchange
    auto const* across = across_word_.load(std::memory_order_acquire);
    return across != nullptr && across->load(std::memory_order_acquire) != 0;
  }

  bool stop_possible() const noexcept { return stop_requested() || sources_.load(std::memory_order_acquire) != 0; }

  /// True for the one call, of all processes, that makes the request. Runs this process's callbacks.
  bool request_stop() noexcept {
    bool const first_here = own_.exchange(1, std::memory_order_acq_rel) == 0;
    bool first = first_here;
    if (auto* across = across_word_.load(std::memory_order_acquire)) {
      first = across->exchange(1, std::memory_order_acq_rel) == 0;
      os::futex_wake(across, INT_MAX);
    }
    if (first_here) {
      os::futex_wake(&own_, INT_MAX, os::futex_scope::in_process);
      run_callbacks();
    }
    return first && first_here;
  }

  /// Sleeps until a stop is requested or the time has come; true: it is requested.
  bool wait_until(std::int64_t until_ns) const noexcept {
    while (!stop_requested()) {
      auto const* across = across_word_.load(std::memory_order_acquire);
      int const woken = across != nullptr ? os::futex_wait(across, 0, until_ns)
                                          : os::futex_wait(&own_, 0, until_ns, os::futex_scope::in_process);
      if (woken != 0 && errno == ETIMEDOUT) return stop_requested();
    }
    return true;
  }

  /// Makes the request visible to other processes from now on, and theirs here. Returns the word in the commons, to be
  /// held by the receiver.
  /// @throws std::bad_alloc where the commons are full
  shared<std::atomic<std::uint32_t>> const& share() {
    std::lock_guard hold(lock_);
    if (!across_.has_value()) {
      across_.emplace(own_.load(std::memory_order_acquire));
      across_word_.store(across_->get(), std::memory_order_release);  // pairs with the acquire loads
      // Who sleeps on the private word must see the other one; and a request that came in between has set only the
      // private one.
      if (own_.load(std::memory_order_acquire) != 0) (*across_)->store(1, std::memory_order_release);
      if (handles_.load(std::memory_order_relaxed) > 1) os::futex_wake(&own_, INT_MAX, os::futex_scope::in_process);
      if (callbacks_ != nullptr) watch();
    }
    return *across_;
  }

  /// False: a stop is requested already, and the caller runs the callback itself.
  bool add_callback(stop_callback_link& link) {
    std::lock_guard hold(lock_);
    if (stop_requested()) return false;
    if (across_.has_value()) watch();
    link.process = ::getpid();
    link.next = callbacks_;
    if (callbacks_ != nullptr) callbacks_->previous = &link;
    callbacks_ = &link;
    return true;
  }

  /// When it returns the callback is not running, unless it is this thread that runs it.
  void remove_callback(stop_callback_link& link) noexcept {
    {
      std::lock_guard hold(lock_);
      if (callbacks_ == &link || link.previous != nullptr) {
        unlink(link);
        if (callbacks_ == nullptr && watched_in_ != 0) stop_watching();
        return;
      }
      if (runner_ == os::thread_id()) {
        if (link.destroyed != nullptr) *link.destroyed = true;
        return;
      }
    }
    while (link.done.load(std::memory_order_acquire) == 0) {  // pairs with run_callbacks' release
      os::futex_wait(&link.done, 0, os::no_deadline, os::futex_scope::in_process);
    }
  }

 private:
  /// Not inlined: the one that lies in a starter's frame never comes to this, and compilers would warn of it.
  TANDEM_NOINLINE static void destroy(stop_state* last) noexcept { delete last; }

  void unlink(stop_callback_link& link) noexcept {
    (link.previous != nullptr ? link.previous->next : callbacks_) = link.next;
    if (link.next != nullptr) link.next->previous = link.previous;
    link.previous = link.next = nullptr;
  }

  /// The first that was registered in this process. Others are left as they are: to write there is lost.
  static stop_callback_link* first_own(stop_callback_link* from) noexcept {
    auto const here = ::getpid();
    while (from != nullptr && from->process != here) from = from->next;
    return from;
  }

  void run_callbacks() noexcept {
    std::unique_lock hold(lock_);
    runner_ = os::thread_id();
    for (stop_callback_link* next = callbacks_; (next = first_own(next)) != nullptr; next = callbacks_) {
      stop_callback_link& link = *next;
      unlink(link);
      bool destroyed = false;
      link.destroyed = &destroyed;
      hold.unlock();
      link.run(link);
      if (!destroyed) {
        link.destroyed = nullptr;
        link.done.store(
            1, std::memory_order_release);  // pairs with remove_callback's acquire; the link may be gone right after
        os::futex_wake(&link.done, INT_MAX, os::futex_scope::in_process);
      }
      hold.lock();
    }
  }

  /// Starts the watcher, unless this process has one. @pre lock_ is held
  void watch() {
    if (watched_in_ == ::getpid()) return;
    struct order {
      stop_state* state;
      std::uint32_t watch;
    };
    auto* const given = new order{this, watch_.fetch_add(1, std::memory_order_relaxed) + 1};
    sigset_t all, before;
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);  // the host's signals are for the host's threads
    pthread_t thread{};
    add_handle();
    int const error = ::pthread_create(
        &thread, nullptr,
        [](void* data) -> void* {
          order const mine = *static_cast<order*>(data);
          delete static_cast<order*>(data);
          mine.state->watch_word(mine.watch);
          mine.state->drop_handle();
          return nullptr;
        },
        given);
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (error != 0) {
      delete given;
      handles_.fetch_sub(1, std::memory_order_relaxed);
      throw_errno(error, "register a stop_callback: pthread_create");
    }
    ::pthread_detach(thread);
    watched_in_ = ::getpid();
  }

  /// Ends the watcher: no callback is left to run. @pre lock_ is held
  void stop_watching() noexcept {
    watched_in_ = 0;
    watch_.fetch_add(1, std::memory_order_release);  // pairs with watch_word's acquire
    os::futex_wake(&watch_);
  }

  void watch_word(std::uint32_t mine) noexcept {
    while (!stop_requested()) {
      if (watch_.load(std::memory_order_acquire) != mine) return;
      os::futex_wait_either(across_word_.load(std::memory_order_acquire), 0, &watch_, mine);
    }
    if (own_.exchange(1, std::memory_order_acq_rel) == 0) run_callbacks();
  }

  std::atomic<std::uint32_t> handles_{1};
  std::atomic<std::uint32_t> sources_{0};
  std::atomic<std::uint32_t> own_{0};
  std::atomic<std::atomic<std::uint32_t>*> across_word_{nullptr};
  std::mutex lock_;
  std::optional<shared<std::atomic<std::uint32_t>>> across_;
  stop_callback_link* callbacks_ = nullptr;
  pid_t runner_ = 0;                     // the thread that runs the callbacks
  std::atomic<std::uint32_t> watch_{0};  // which watcher is meant to be there
  pid_t watched_in_ = 0;  // the process that has a watcher; a forked child has its parent's number here, and no watcher
};

}  // namespace tandem::impl

#endif  // TANDEM_SYNC_IMPL_STOP_STATE_HPP
