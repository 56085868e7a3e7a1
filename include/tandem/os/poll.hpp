// SPDX-License-Identifier: BSL-1.0
// ppoll(2): waiting for one descriptor, or for any of some.
#ifndef TANDEM_OS_POLL_HPP
#define TANDEM_OS_POLL_HPP

#include <poll.h>  // for nfds_t, ppoll, pollfd, POLLIN, POLLOUT
#include <time.h>  // for timespec

#include <cerrno>   // for errno, EBADF, EINTR
#include <cstddef>  // for size_t
#include <cstdint>  // for int64_t

#include "tandem/os/clock.hpp"  // for monotonic_ns, to_timespec
#include "tandem/os/futex.hpp"  // for no_deadline

namespace tandem::os {

/// Sleeps until `descriptor` shows one of `events` (POLLIN, POLLOUT), at most until `until_ns` (CLOCK_MONOTONIC; one
/// that has passed looks once). Returns the events that it shows, POLLHUP and POLLERR among them whether asked for or
/// not; 0 when the time is up; -1 and errno, EBADF where it is not open.
inline int wait_ready(int descriptor, short events, std::int64_t until_ns = no_deadline) noexcept {
  if (descriptor < 0) {  // ppoll(2) would pass over it, and sleep
    errno = EBADF;
    return -1;
  }
  pollfd one{descriptor, events, 0};
  for (;;) {
    std::int64_t const now = until_ns == no_deadline ? 0 : monotonic_ns();
    timespec const limit = to_timespec(until_ns <= now ? 0 : until_ns - now);
    int const ready = ::ppoll(&one, 1, until_ns == no_deadline ? nullptr : &limit, nullptr);
    if (ready == 0) return 0;
    if (ready < 0) {
      if (errno == EINTR) continue;
      return -1;
    }
    if ((one.revents & POLLNVAL) == 0) return one.revents;
    errno = EBADF;
    return -1;
  }
}

/// Sleeps until any of `count` descriptors shows one of the events it asks for, at most until `until_ns`, as
/// wait_ready. Negative ones are passed over. Returns how many do (their `revents` say what: POLLNVAL where it is not
/// open); 0 when the time is up; -1 and errno, EINVAL where there are more than the process may open.
inline int wait_any_ready(pollfd* descriptors, std::size_t count, std::int64_t until_ns = no_deadline) noexcept {
  for (;;) {
    std::int64_t const now = until_ns == no_deadline ? 0 : monotonic_ns();
    timespec const limit = to_timespec(until_ns <= now ? 0 : until_ns - now);
    int const ready =
        ::ppoll(descriptors, static_cast<nfds_t>(count), until_ns == no_deadline ? nullptr : &limit, nullptr);
    if (ready >= 0 || errno != EINTR) return ready;
  }
}

}  // namespace tandem::os

#endif  // TANDEM_OS_POLL_HPP
