// SPDX-License-Identifier: BSL-1.0
// Signal dispositions and masks (sigaction(2), pthread_sigmask(3)).
#ifndef TANDEM_OS_SIGNAL_HPP
#define TANDEM_OS_SIGNAL_HPP

#include <pthread.h>  // for pthread_sigmask
#include <signal.h>   // for sigaction, sigfillset
#include <unistd.h>   // for getpid

namespace tandem::os {

/// What the process does about signal `number`. 0, or -1 and errno (EINVAL: there is no such signal).
inline int get_disposition(int number, struct sigaction& now) noexcept { return ::sigaction(number, nullptr, &now); }

/// Changes it. 0, or -1 and errno (EINVAL: there is no such signal, or it cannot be handled). Async-signal-safe.
inline int set_disposition(int number, struct sigaction const& to) noexcept {
  return ::sigaction(number, &to, nullptr);
}

/// A disposition that calls `handler`.
inline struct sigaction disposition_of(void (*handler)(int), unsigned flags = 0) noexcept {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = static_cast<int>(flags);
  return action;
}

/// Sends a signal to the calling process; where its handler runs, it is delivered when that returns.
/// Async-signal-safe.
inline void signal_self(int number) noexcept { ::kill(::getpid(), number); }

/// While it lives, no signal is delivered to the calling thread. A thread started meanwhile never gets any: the
/// program's signals are for the program's threads.
class signals_blocked {
 public:
  signals_blocked() noexcept {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  signals_blocked(signals_blocked const&) = delete;
  ~signals_blocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

}  // namespace tandem::os

#endif  // TANDEM_OS_SIGNAL_HPP
