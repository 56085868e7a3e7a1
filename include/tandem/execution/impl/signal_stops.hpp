// SPDX-License-Identifier: BSL-1.0
// What stands behind stop_on_signal: the handler, the thread that makes the requests, and who wants them.
//
//   signal -> handler: writes its number into a word, wakes the thread        (async-signal-safe, that is all)
//             thread:  the signals get their default dispositions; then it requests the stops, callbacks included
//
// The word says which generation of objects is served: with the last of them the handlers and the thread are gone.
#ifndef TANDEM_EXECUTION_IMPL_SIGNAL_STOPS_HPP
#define TANDEM_EXECUTION_IMPL_SIGNAL_STOPS_HPP

#include <pthread.h>  // for pthread_atfork, pthread_create, pthread_join
#include <signal.h>   // for sigaction, SA_RESETHAND, SA_RESTART
#include <unistd.h>   // for getpid

#include <atomic>   // for atomic
#include <cerrno>   // for errno
#include <climits>  // for INT_MAX
#include <cstdint>  // for uint32_t, uintptr_t
#include <mutex>    // for lock_guard, mutex, unique_lock
#include <span>     // for span
#include <string>   // for to_string
#include <utility>  // for exchange
#include <vector>   // for vector

#include "tandem/core/errors.hpp"      // for throw_errno
#include "tandem/os/futex.hpp"         // for futex_wait, futex_wake
#include "tandem/os/signal.hpp"        // for disposition_of, set_disposition, signal_self, signals_blocked
#include "tandem/sync/stop_token.hpp"  // for stop_source

namespace tandem::impl {

class signal_stops {
 public:
  /// Who wants a stop: a link of the list.
  struct listener {
    stop_source stop;
    std::vector<int> signals = {};
    pid_t home = 0;
    listener* next = nullptr;
  };

  /// @throws std::system_error naming the step; nothing has changed then
  static void add(listener& one, std::span<int const> signals) {
    one.signals.assign(signals.begin(), signals.end());
    std::unique_lock hold(lock_);
    static bool const handled = ::pthread_atfork([] { lock_.lock(); }, [] { lock_.unlock(); }, &forget_in_child) == 0;
    if (!handled) throw_errno(ENOMEM, "stop on a signal: pthread_atfork");
    bool const first = listeners_ == nullptr;
    home_.store(::getpid(), std::memory_order_relaxed);
    // release: pairs with the acquire of a handler that is still on its way
    if (first) word_.store(next_generation() | armed, std::memory_order_release);
    std::size_t installed = 0;
    try {
      for (; installed < one.signals.size(); ++installed) install(one.signals[installed]);
      if (first) start_thread();
    } catch (...) {
      while (installed > 0) restore(one.signals[--installed]);
      if (first) word_.store(next_generation(), std::memory_order_release);
      throw;
    }
    one.home = ::getpid();
    one.next = listeners_;
    listeners_ = &one;
    auto const stop = one.stop;
    bool const fired = signal() != 0;
    hold.unlock();
    if (fired) stop.request_stop();
  }

  static void remove(listener& one) noexcept {
    if (one.home != ::getpid()) return;  // a copy in a forked child, where nothing of this is left
    std::unique_lock hold(lock_);
    listener** at = &listeners_;
    while (*at != &one) at = &(*at)->next;
    *at = one.next;
    for (int const number : one.signals) restore(number);
    if (listeners_ != nullptr) return;
    pthread_t const thread = thread_;
    word_.store(next_generation(), std::memory_order_release);  // pairs with the thread's acquire
    os::futex_wake(&word_, INT_MAX, os::futex_scope::in_process);
    hold.unlock();
    if (::pthread_equal(thread, ::pthread_self()))
      ::pthread_detach(thread);  // called from one of the callbacks: it ends after that
    else
      ::pthread_join(thread, nullptr);
  }

  /// The signal that has requested the stop, 0: none yet.
  static int signal() noexcept { return static_cast<int>(word_.load(std::memory_order_acquire) & number_mask); }

 private:
  static constexpr std::uint32_t number_mask = 0x7f;  // signals are numbered up to 64
  static constexpr std::uint32_t armed = 0x80;
  static constexpr std::uint32_t generation_step = 0x100;

  /// Neither armed nor fired.
  static std::uint32_t next_generation() noexcept {
    return (word_.load(std::memory_order_relaxed) & ~(generation_step - 1)) + generation_step;
  }

  // Its disposition is the default one from here on, for this signal (SA_RESETHAND).
  static void handle(int number) noexcept {
    int const error = errno;
    if (home_.load(std::memory_order_relaxed) != ::getpid()) {  // a child that was made without fork's handlers
      os::set_disposition(number, former_[number]);
      os::signal_self(number);
    } else {
      std::uint32_t now = word_.load(std::memory_order_acquire);
      // The second one, or one whose object has gone meanwhile, does what it would do without us.
      bool const ours = (now & armed) != 0 && (now & number_mask) == 0 &&
                        word_.compare_exchange_strong(now, now | static_cast<std::uint32_t>(number),
                                                      std::memory_order_acq_rel);  // pairs with the thread's acquire
      if (ours)
        os::futex_wake(&word_, INT_MAX, os::futex_scope::in_process);
      else
        os::signal_self(number);
    }
    errno = error;
  }

  static bool is_ours(int number) noexcept {
    struct sigaction now {};
    return os::get_disposition(number, now) == 0 && now.sa_handler == &handle;
  }

  /// @pre lock_ is held
  static void install(int number) {
    struct sigaction now {};
    auto const refuse = [number] { throw_errno("stop on a signal: sigaction", "signal " + std::to_string(number)); };
    if (os::get_disposition(number, now) != 0) refuse();
    if (counts_[number] == 0) {
      former_[number] = now;
      // Who has it ignored wants it ignored: nohup(1), a shell for what it runs in the background, a starter by
      // terminal_signals::ignore. Where another object's stop was requested already, it stays at its default.
      bool const wanted = now.sa_handler != SIG_IGN;
      auto const to = signal() != 0
                          ? os::disposition_of(SIG_DFL)
                          : os::disposition_of(&handle, SA_RESTART | static_cast<unsigned>(SA_RESETHAND) | SA_ONSTACK);
      if (wanted && os::set_disposition(number, to) != 0) refuse();
    }
    ++counts_[number];
  }

  /// Unless the host has installed something else meanwhile. @pre lock_ is held
  static void restore(int number) noexcept {
    if (--counts_[number] != 0) return;
    struct sigaction now {};
    os::get_disposition(number, now);
    if (now.sa_handler == &handle || now.sa_handler == SIG_DFL) os::set_disposition(number, former_[number]);
  }

  /// @pre lock_ is held
  static void start_thread() {
    os::signals_blocked const no_signals;
    int const error = ::pthread_create(
        &thread_, nullptr,
        [](void* generation) -> void* {
          serve(static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(generation)));
          return nullptr;
        },
        reinterpret_cast<void*>(std::uintptr_t{word_.load(std::memory_order_relaxed) / generation_step}));
    if (error != 0) throw_errno(error, "stop on a signal: pthread_create");
  }

  static void serve(std::uint32_t generation) noexcept {
    for (bool served = false;;) {
      std::uint32_t const now = word_.load(std::memory_order_acquire);
      if (now / generation_step != generation) return;
      if ((now & number_mask) != 0 && !served) {
        served = true;
        request(generation);
        continue;
      }
      os::futex_wait(&word_, now, os::no_deadline, os::futex_scope::in_process);
    }
  }

  static void request(std::uint32_t generation) noexcept {
    std::vector<stop_source> stops;
    {
      std::lock_guard const hold(lock_);
      if (word_.load(std::memory_order_relaxed) / generation_step != generation) return;
      for (int number = 1; number < _NSIG; ++number) {
        if (counts_[number] != 0 && is_ours(number)) os::set_disposition(number, os::disposition_of(SIG_DFL));
      }
      for (auto* one = listeners_; one != nullptr; one = one->next) stops.push_back(one->stop);
    }
    for (auto const& stop : stops) stop.request_stop();
  }

  /// In a forked child: as if there had never been any of this. @pre lock_ is held
  static void forget_in_child() noexcept {
    for (int number = 1; number < _NSIG; ++number) {
      if (std::exchange(counts_[number], 0U) != 0 && is_ours(number)) os::set_disposition(number, former_[number]);
    }
    listeners_ = nullptr;
    word_.store(next_generation(), std::memory_order_release);
    lock_.unlock();
  }

  static inline constinit std::mutex lock_;
  static inline constinit listener* listeners_ = nullptr;
  static inline constinit pthread_t thread_{};
  static inline constinit std::atomic<pid_t> home_{0};
  static inline constinit std::atomic<std::uint32_t> word_{0};
  static inline constinit std::uint32_t counts_[_NSIG] = {};     // how many objects want the signal
  static inline constinit struct sigaction former_[_NSIG] = {};  // valid where there is a count
};

}  // namespace tandem::impl

#endif  // TANDEM_EXECUTION_IMPL_SIGNAL_STOPS_HPP
