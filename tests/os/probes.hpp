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

/// For a child: lowers its limit so that it can open `room` descriptors more, and no others.
inline void leave_room_for_descriptors(int room) {
  rlim_t count = 0;
  for (; room > 0 || ::fcntl(static_cast<int>(count), F_GETFD) >= 0; ++count) {
    if (::fcntl(static_cast<int>(count), F_GETFD) < 0) --room;
  }
  rlimit const limit{count, count};
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) throw std::system_error(errno, std::generic_category(), "setrlimit");
}

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
