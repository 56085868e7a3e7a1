// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_EXAMPLES_TRADEOFFS_PINNING_HPP
#define TANDEM_EXAMPLES_TRADEOFFS_PINNING_HPP

#include <sched.h>  // for cpu_set_t, sched_getaffinity, sched_setaffinity
#include <time.h>   // for clock_gettime

#include <cerrno>        // for errno
#include <cstdint>       // for int64_t
#include <system_error>  // for generic_category, system_error

namespace tradeoffs {

/// The first CPU that this program may use.
inline int first_cpu() {
  cpu_set_t all;
  CPU_ZERO(&all);
  ::sched_getaffinity(0, sizeof all, &all);
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(static_cast<unsigned>(cpu), &all)) return cpu;
  }
  return 0;
}

/// Keeps the calling unit on one CPU: the kernel knows threads and processes by the same kind of number.
inline void pin_to(int cpu) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(static_cast<unsigned>(cpu), &one);
  if (::sched_setaffinity(0, sizeof one, &one) != 0)
    throw std::system_error(errno, std::generic_category(), "keep a unit on one CPU");
}

/// Nanoseconds of CLOCK_MONOTONIC, which is one for all processes, or of CLOCK_THREAD_CPUTIME_ID.
inline std::int64_t now_ns(clockid_t clock = CLOCK_MONOTONIC) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace tradeoffs

#endif  // TANDEM_EXAMPLES_TRADEOFFS_PINNING_HPP
