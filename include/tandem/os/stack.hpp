// SPDX-License-Identifier: BSL-1.0
// Where the frames of the calling thread's stack end.
#ifndef TANDEM_OS_STACK_HPP
#define TANDEM_OS_STACK_HPP

#include <link.h>          // for dl_iterate_phdr, dl_phdr_info
#include <pthread.h>       // for pthread_getattr_np, pthread_self
#include <sys/resource.h>  // for getrlimit
#include <unistd.h>        // for getpid

#include <algorithm>  // for min
#include <cstddef>    // for byte, size_t
#include <cstdint>    // for uintptr_t

#include "tandem/os/process_table.hpp"  // for thread_id

extern "C" {
extern void* __libc_stack_end;  // set by the dynamic loader: where main's frames begin
}

namespace tandem::os {

/// How far below its end the main stack may grow: the soft limit, below which the kernel maps nothing else; at most 1
/// GiB.
inline std::ptrdiff_t main_stack_reach() noexcept {
  constexpr rlim_t most = rlim_t{1} << 30;
  rlimit limit{};
  return static_cast<std::ptrdiff_t>(::getrlimit(RLIMIT_STACK, &limit) == 0 ? std::min(limit.rlim_cur, most) : most);
}

/// The end of the calling thread's frames (the stack grows down to lower addresses): every local variable of every
/// caller lies below it. nullptr where `from`, an address in the current frame, is not on the stack that the system
/// gave to this thread (a fiber's, a signal's).
///
/// In a thread made by glibc the thread's descriptor and its static thread-local variables share the stack's memory,
/// above the frames; they are not part of it. Costs microseconds in a thread's first call; reads /proc/self/maps only
/// where main has no known end.
inline std::byte* stack_end(std::byte const* from) noexcept {
  struct bounds {
    std::byte* low = nullptr;
    std::byte* high = nullptr;
  };
  thread_local bounds const mine = [from] {
    bounds found;
    auto* const main_end = static_cast<std::byte*>(__libc_stack_end);
    // In a child that another thread forked the numbers are equal too, on that thread's stack: so `from` decides.
    if (thread_id() == ::getpid() && main_end != nullptr && from < main_end && main_end - from < main_stack_reach()) {
      found.low = main_end - main_stack_reach();
      found.high = main_end;
      return found;
    }
    pthread_attr_t attributes;
    if (::pthread_getattr_np(::pthread_self(), &attributes) != 0) return found;
    void* low = nullptr;
    std::size_t bytes = 0;
    if (::pthread_attr_getstack(&attributes, &low, &bytes) == 0) {
      found.low = static_cast<std::byte*>(low);
      found.high = found.low + bytes;
      if (main_end > found.low && main_end < found.high) found.high = main_end;  // main's: above are its arguments
      auto* const descriptor = reinterpret_cast<std::byte*>(::pthread_self());
      if (descriptor >= found.low && descriptor < found.high) found.high = descriptor;
      ::dl_iterate_phdr(
          [](dl_phdr_info* module, std::size_t, void* data) {
            auto& limits = *static_cast<bounds*>(data);
            auto* const block = static_cast<std::byte*>(module->dlpi_tls_data);
            if (block >= limits.low && block < limits.high) limits.high = block;
            return 0;
          },
          &found);
    }
    ::pthread_attr_destroy(&attributes);
    return found;
  }();
  return from >= mine.low && from < mine.high ? mine.high : nullptr;
}

/// How many bytes of stack the calling thread has, all told: of the first thread, its limit.
inline std::size_t stack_size_of_this_thread() noexcept {
  std::size_t bytes = 0;
  pthread_attr_t attributes;
  if (::pthread_getattr_np(::pthread_self(), &attributes) != 0) return 0;
  void* low = nullptr;
  if (::pthread_attr_getstack(&attributes, &low, &bytes) != 0) bytes = 0;
  ::pthread_attr_destroy(&attributes);
  return bytes;
}

}  // namespace tandem::os

#endif  // TANDEM_OS_STACK_HPP
