// SPDX-License-Identifier: BSL-1.0
// A process that ends at a given time whatever it does: timer_create(2) with SIGKILL.
#ifndef TANDEM_OS_TIMER_HPP
#define TANDEM_OS_TIMER_HPP

#include <signal.h>  // for sigevent, SIGKILL
#include <time.h>    // for timer_create, timer_settime

#include <cstdint>  // for int64_t

#include "tandem/os/clock.hpp"  // for to_timespec

namespace tandem::os {

/// Lets the kernel kill the calling process `ns` nanoseconds from now. Kept until its end; an exec takes it away. 0, or
/// -1 and errno. @pre ns > 0
inline int kill_self_after(std::int64_t ns) noexcept {
  sigevent how{};
  how.sigev_notify = SIGEV_SIGNAL;
  how.sigev_signo = SIGKILL;
  timer_t timer{};
  if (::timer_create(CLOCK_MONOTONIC, &how, &timer) != 0) return -1;
  itimerspec when{};
  when.it_value = to_timespec(ns);
  return ::timer_settime(timer, 0, &when, nullptr);
}

}  // namespace tandem::os

#endif  // TANDEM_OS_TIMER_HPP
