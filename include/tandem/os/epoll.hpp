// SPDX-License-Identifier: BSL-1.0
// epoll(7): waiting for one of many descriptors, again and again, at a cost that does not grow with their number.
#ifndef TANDEM_OS_EPOLL_HPP
#define TANDEM_OS_EPOLL_HPP

#include <sys/epoll.h>    // for epoll_create1, epoll_ctl, epoll_event, epoll_wait, EPOLLIN, EPOLLONESHOT
#include <sys/syscall.h>  // for syscall numbers
#include <time.h>         // for timespec
#include <unistd.h>       // for syscall

#include <algorithm>  // for min
#include <cerrno>     // for errno, EINTR, ENOSYS, EPERM
#include <climits>    // for INT_MAX
#include <cstdint>    // for int64_t, uint64_t

#include "tandem/os/clock.hpp"  // for monotonic_ns, to_timespec
#include "tandem/os/futex.hpp"  // for no_deadline

namespace tandem::os {

/// An empty set of descriptors, close-on-exec; -1 and errno.
inline int open_epoll() noexcept { return ::epoll_create1(EPOLL_CLOEXEC); }

/// Lets `set` watch `descriptor` until it is readable once. 0, or -1 and errno: EEXIST (it is in the set, perhaps told
/// already: see watch_again), EPERM (a file that is never waited for), ENOSPC, EBADF.
inline int watch_once(int set, int descriptor, std::uint64_t data) noexcept {
  epoll_event what{EPOLLIN | EPOLLONESHOT, {.u64 = data}};
  return ::epoll_ctl(set, EPOLL_CTL_ADD, descriptor, &what);
}

/// The same for one that the set has told of. 0, or -1 and errno: ENOENT (it is not in the set), EBADF.
inline int watch_again(int set, int descriptor, std::uint64_t data) noexcept {
  epoll_event what{EPOLLIN | EPOLLONESHOT, {.u64 = data}};
  return ::epoll_ctl(set, EPOLL_CTL_MOD, descriptor, &what);
}

/// 0, or -1 and errno: ENOENT, EBADF.
inline int stop_watching(int set, int descriptor) noexcept {
  return ::epoll_ctl(set, EPOLL_CTL_DEL, descriptor, nullptr);
}

/// Sleeps until the set has something to tell, at most until `until_ns` (CLOCK_MONOTONIC; one that has passed looks
/// once). Returns how many of `room` it has filled, 0 when the time is up, -1 and errno. To the nanosecond by
/// epoll_pwait2 (Linux 5.11); to the next millisecond where there is none.
inline int wait_watched(int set, epoll_event* events, int room, std::int64_t until_ns = no_deadline) noexcept {
  constexpr long epoll_pwait2_number = 441;  // missing from older headers
  bool exact = true;
  for (;;) {
    std::int64_t const left = until_ns == no_deadline ? 0 : until_ns - std::min(until_ns, monotonic_ns());
    int count = 0;
    if (until_ns == no_deadline) {
      count = ::epoll_wait(set, events, room, -1);
    } else if (left == 0) {
      count = ::epoll_wait(set, events, room, 0);
    } else if (exact) {
      timespec const limit = to_timespec(left);
      count = static_cast<int>(::syscall(epoll_pwait2_number, set, events, room, &limit, nullptr, 0));
      if (count < 0 && (errno == ENOSYS || errno == EPERM)) {  // EPERM: a container that does not know the call
        exact = false;
        continue;
      }
    } else {
      count = ::epoll_wait(set, events, room,
                           static_cast<int>(std::min<std::int64_t>((left - 1) / 1'000'000 + 1, INT_MAX)));
      if (count == 0) continue;  // the clock decides
    }
    if (count >= 0 || errno != EINTR) return count;
  }
}

}  // namespace tandem::os

#endif  // TANDEM_OS_EPOLL_HPP
