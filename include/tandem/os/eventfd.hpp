// SPDX-License-Identifier: BSL-1.0
// eventfd(2): a counter that can be waited for like a file.
#ifndef TANDEM_OS_EVENTFD_HPP
#define TANDEM_OS_EVENTFD_HPP

#include <sys/eventfd.h>  // for eventfd, EFD_CLOEXEC, EFD_NONBLOCK
#include <unistd.h>       // for read, write

#include <cstdint>  // for uint64_t

namespace tandem::os {

/// A counter at zero, non-blocking, close-on-exec. -1 and errno where there is none.
inline int open_eventfd() noexcept { return ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }

/// Adds to the counter. 0; or -1 and errno: EAGAIN (it would pass 2^64 - 2), EINVAL (2^64 - 1 was to be added).
inline int eventfd_add(int descriptor, std::uint64_t count) noexcept {
  return ::write(descriptor, &count, sizeof count) == sizeof count ? 0 : -1;  // never asleep, so never interrupted
}

/// Takes all that the counter holds. 0; or -1 and errno: EAGAIN (it holds nothing).
inline int eventfd_take(int descriptor, std::uint64_t& count) noexcept {
  return ::read(descriptor, &count, sizeof count) == sizeof count ? 0 : -1;
}

}  // namespace tandem::os

#endif  // TANDEM_OS_EVENTFD_HPP
