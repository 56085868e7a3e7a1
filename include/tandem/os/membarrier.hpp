// SPDX-License-Identifier: BSL-1.0
// membarrier(2): one side of a store-and-look on both sides pays the fence for all.
#ifndef TANDEM_OS_MEMBARRIER_HPP
#define TANDEM_OS_MEMBARRIER_HPP

#include <linux/membarrier.h>  // for MEMBARRIER_CMD_GLOBAL_EXPEDITED
#include <sys/syscall.h>       // for SYS_membarrier
#include <unistd.h>            // for syscall

#include <atomic>   // for atomic
#include <cstdint>  // for uint8_t

namespace tandem::os {

/// Whether fence_others(), in whatever process, is a fence in the middle of this process's threads, too. Asks the
/// kernel at the first call; forked children have it from their parent. Not from before Linux 4.16, nor where it is
/// forbidden.
inline bool is_fenced_by_others() noexcept {
  enum : std::uint8_t { unknown, no, yes };
  static constinit std::atomic<std::uint8_t> known{unknown};
  std::uint8_t seen = known.load(std::memory_order_relaxed);
  if (__builtin_expect(seen == unknown, 0)) {
    seen = ::syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0, 0) == 0 ? yes : no;
    known.store(seen, std::memory_order_relaxed);
  }
  return seen == yes;
}

/// A full fence in the caller, and in every running thread of the processes that is_fenced_by_others() holds for: each
/// of their stores and loads comes either before it or behind it. False where it cannot be had. About a microsecond.
inline bool fence_others() noexcept { return ::syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0) == 0; }

}  // namespace tandem::os

#endif  // TANDEM_OS_MEMBARRIER_HPP
