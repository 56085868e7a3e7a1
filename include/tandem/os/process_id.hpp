// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_OS_PROCESS_ID_HPP
#define TANDEM_OS_PROCESS_ID_HPP

#include <sys/types.h>  // for pid_t
#include <unistd.h>     // for getpid

#include <atomic>  // for atomic
#include <new>     // for placement new

#include "tandem/os/mapping.hpp"  // for map_private, page_size, unmap, wipe_on_fork

namespace tandem::os {

/// The kernel's number of the calling process. glibc asks the kernel each time; here it is kept in a page that a forked
/// child finds empty, so that a call costs two loads, but for the first one in a process.
inline pid_t process_id() noexcept {
  static constinit std::atomic<std::atomic<pid_t>*> page{nullptr};
  std::atomic<pid_t>* known = page.load(std::memory_order_acquire);  // pairs with the exchange below
  if (known == nullptr) {
    std::size_t const bytes = page_size();
    void* const mapped = map_private(bytes);
    if (mapped == nullptr || !wipe_on_fork(mapped, bytes)) {
      if (mapped != nullptr) unmap(mapped, bytes);
      return ::getpid();
    }
    auto* const fresh = ::new (mapped) std::atomic<pid_t>;
    if (page.compare_exchange_strong(known, fresh, std::memory_order_acq_rel))
      known = fresh;
    else
      unmap(mapped, bytes);
  }
  pid_t id = known->load(std::memory_order_relaxed);
  if (id == 0) {
    id = ::getpid();
    known->store(id, std::memory_order_relaxed);  // every thread of this process stores the same
  }
  return id;
}

}  // namespace tandem::os

#endif  // TANDEM_OS_PROCESS_ID_HPP
