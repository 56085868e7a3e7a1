// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_EXECUTION_IMPL_APPLY_SCHEDULING_HPP
#define TANDEM_EXECUTION_IMPL_APPLY_SCHEDULING_HPP

#include <cerrno>  // for errno, EINVAL
#include <string>  // for string, to_string

#include "tandem/core/errors.hpp"        // for throw_errno
#include "tandem/execution/options.hpp"  // for options
#include "tandem/os/scheduling.hpp"      // for set_cpus_of_thread, set_nice_of_thread, set_policy_of_thread

namespace tandem::impl {

/// Whether anything is asked for that apply_scheduling does.
inline bool asks_for_scheduling(options const& how) noexcept {
  return !how.cpus.empty() || how.nice || !how.policy.is_inherit();
}

/// Gives the calling thread, which is about to begin its workload, the CPUs, nice value and policy asked for.
/// @throws std::system_error naming the step, the member and what it needs
inline void apply_scheduling(options const& how) {
  if (!how.cpus.empty()) {
    auto const wanted = how.cpus.mask();
    if (os::set_cpus_of_thread(0, wanted.data(), wanted.size()) != 0 && errno != EINVAL)
      throw_errno("choose its CPUs: sched_setaffinity", "options.cpus " + how.cpus.to_string());
    // The kernel leaves out in silence what is not there.
    auto const given = cpu_set::available();
    for (unsigned const cpu : how.cpus) {
      if (!given.contains(cpu)) {
        throw_errno(EINVAL, "choose its CPUs: sched_setaffinity",
                    "options.cpus " + how.cpus.to_string() + ": CPU " + std::to_string(cpu) +
                        " is not there, or not for this process: see cpu_set::available()");
      }
    }
  }
  if (how.nice && os::set_nice_of_thread(0, *how.nice) != 0) {
    throw_errno("set its nice value: setpriority",
                "options.nice " + std::to_string(*how.nice) + ": to lower it takes CAP_SYS_NICE or RLIMIT_NICE");
  }
  if (!how.policy.is_inherit() && os::set_policy_of_thread(0, how.policy.policy(), how.policy.priority()) != 0) {
    throw_errno("set its policy: sched_setscheduler",
                "options.policy " + how.policy.to_string() +
                    (how.policy.is_real_time() ? ": takes CAP_SYS_NICE or RLIMIT_RTPRIO" : ""));
  }
}

}  // namespace tandem::impl

#endif  // TANDEM_EXECUTION_IMPL_APPLY_SCHEDULING_HPP
