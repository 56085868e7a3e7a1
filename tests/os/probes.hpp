// SPDX-License-Identifier: BSL-1.0
// What the tests of os/ and resource/ share: memory between processes, signals that interrupt, descriptors that run
// out. Nothing of the library lies below it.
#ifndef TANDEM_TESTS_OS_PROBES_HPP
#define TANDEM_TESTS_OS_PROBES_HPP

#include <fcntl.h>         // for fcntl, FD_CLOEXEC
#include <sched.h>         // for sched_yield
#include <sys/mman.h>      // for mmap, munmap
#include <sys/resource.h>  // for setrlimit

#include <atomic>        // for atomic
#include <cerrno>        // for errno
#include <csignal>       // for sigaction, kill
#include <new>           // for placement new
#include <system_error>  // for system_error
#include <type_traits>   // for is_trivially_destructible_v

#include "support/child.hpp"

namespace tandem_test {

/// A T that forked children share. Unmapped at the end of its scope.
template <class T> class shared_object {
  static_assert(std::is_trivially_destructible_v<T>);

 public:
  shared_object() {
    void* const at = ::mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap");
    object_ = new (at) T{};
  }
  shared_object(shared_object const&) = delete;
  shared_object& operator=(shared_object const&) = delete;
  ~shared_object() { ::munmap(object_, sizeof(T)); }

  T& operator*() const { return *object_; }
  T* operator->() const { return object_; }

 private:
  T* object_;
};

inline bool close_on_exec(int descriptor) { return (::fcntl(descriptor, F_GETFD) & FD_CLOEXEC) != 0; }

/// Lets this process open `room` descriptors more, and no others, to the end of the scope. In a try block the limit is
/// gone in the handler, where sanitizers want descriptors of their own.
class descriptor_limit {
 public:
  explicit descriptor_limit(int room) {
    if (::getrlimit(RLIMIT_NOFILE, &before_) != 0) throw std::system_error(errno, std::generic_category(), "getrlimit");
    auto const open = [](rlim_t number) { return ::fcntl(static_cast<int>(number), F_GETFD) >= 0; };
    auto lowered = before_;
    for (lowered.rlim_cur = 0; room > 0 || open(lowered.rlim_cur); ++lowered.rlim_cur) {
      if (!open(lowered.rlim_cur)) --room;
    }
    if (::setrlimit(RLIMIT_NOFILE, &lowered) != 0) throw std::system_error(errno, std::generic_category(), "setrlimit");
  }
  descriptor_limit(descriptor_limit const&) = delete;
  descriptor_limit& operator=(descriptor_limit const&) = delete;
  ~descriptor_limit() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

/// How often a child has been interrupted; lives in a shared_object.
struct interruptions {
  std::atomic<bool> ready;
  std::atomic<int> count;
};

/// For a child: counts `signal`, and does not ask for interrupted calls to go on by themselves.
inline void count_signals(interruptions& counted, int signal = SIGUSR1) {
  static interruptions* counter = nullptr;
  counter = &counted;
  struct sigaction action {};
  action.sa_handler = [](int) { counter->count.fetch_add(1, std::memory_order_relaxed); };
  if (::sigaction(signal, &action, nullptr) != 0) throw std::system_error(errno, std::generic_category(), "sigaction");
  counted.ready.store(true, std::memory_order_release);  // pairs with the acquire in interrupt
}

/// Signals a child that counts until it has done so `times` more: its blocking call was interrupted, or comes yet.
inline void interrupt(child_process const& child, interruptions& counted, int times = 20) {
  while (!counted.ready.load(std::memory_order_acquire)) ::sched_yield();
  int const enough = counted.count.load(std::memory_order_relaxed) + times;
  while (counted.count.load(std::memory_order_relaxed) < enough) {
    ::kill(child.id(), SIGUSR1);
    ::sched_yield();
  }
}

}  // namespace tandem_test

#endif  // TANDEM_TESTS_OS_PROBES_HPP
