// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_EXAMPLES_LEDGER_PTHREAD_MUTEX_HPP
#define TANDEM_EXAMPLES_LEDGER_PTHREAD_MUTEX_HPP

#include <pthread.h>  // for pthread_mutex_t

#include <cerrno>        // for EOWNERDEAD
#include <system_error>  // for generic_category, system_error

#include <tandem/tandem.hpp>

namespace ledger {

/// A process-shared mutex of pthread, with the functions of tandem::mutex that the ledger needs. A robust one tells of
/// its owner's death; the other does not.
template <bool Robust> class pthread_mutex {
 public:
  pthread_mutex() {
    pthread_mutexattr_t attributes;
    ::pthread_mutexattr_init(&attributes);
    ::pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    if (Robust) ::pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    ::pthread_mutex_init(&mutex_, &attributes);
    ::pthread_mutexattr_destroy(&attributes);
  }
  pthread_mutex(pthread_mutex const&) = delete;
  ~pthread_mutex() { ::pthread_mutex_destroy(&mutex_); }

  tandem::recovered_lock<pthread_mutex> recover() {
    int const error = ::pthread_mutex_lock(&mutex_);
    if (error != 0 && error != EOWNERDEAD)
      throw std::system_error(error, std::generic_category(), "pthread_mutex_lock");
    if (error == EOWNERDEAD) ::pthread_mutex_consistent(&mutex_);
    return {*this, error == EOWNERDEAD};
  }
  void unlock() noexcept { ::pthread_mutex_unlock(&mutex_); }

 private:
  pthread_mutex_t mutex_;
};

}  // namespace ledger

template <bool Robust> inline constexpr bool tandem::enable_shareable<ledger::pthread_mutex<Robust>> = true;

#endif  // TANDEM_EXAMPLES_LEDGER_PTHREAD_MUTEX_HPP
