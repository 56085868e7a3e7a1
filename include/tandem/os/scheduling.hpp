// SPDX-License-Identifier: BSL-1.0
// Which CPUs a thread may use, its policy and its nice value (sched(7)). In Linux each is a thread's own; a process's
// are those of its threads, which new ones take over. Thread 0 is the calling one.
#ifndef TANDEM_OS_SCHEDULING_HPP
#define TANDEM_OS_SCHEDULING_HPP

#include <sched.h>         // for sched_setscheduler, sched_param, sched_yield
#include <sys/resource.h>  // for setpriority, getpriority
#include <sys/syscall.h>   // for SYS_sched_getaffinity, SYS_sched_setaffinity
#include <sys/types.h>     // for pid_t
#include <unistd.h>        // for syscall

#include <cstddef>  // for size_t

namespace tandem::os {

/// Lets others run that wait for this CPU. One system call.
inline void yield() noexcept { ::sched_yield(); }

/// The CPUs as a mask of `words` words, CPU 0 in the lowest bit: how many words were written, -1 and errno. EINVAL: the
/// kernel has more CPUs than that.
inline long cpus_of_thread(pid_t thread, unsigned long* mask, std::size_t words) noexcept {
  long const bytes = ::syscall(SYS_sched_getaffinity, thread, words * sizeof(unsigned long), mask);
  return bytes < 0 ? -1 : bytes / static_cast<long>(sizeof(unsigned long));
}

/// Whether the calling thread and its process's first one may run on one and the same CPU only. A thread that is pinned
/// alone does not count.
inline bool is_on_one_cpu() noexcept {
  constexpr std::size_t words = 128;  // 8 192 CPUs, the most that Linux can be built for
  unsigned long own[words], first[words];
  long const read = cpus_of_thread(0, own, words);
  if (read <= 0 || cpus_of_thread(::getpid(), first, words) != read) return false;
  int count = 0;
  for (long i = 0; i < read; ++i) count += __builtin_popcountl(own[i] | first[i]);
  return count == 1;
}

/// Sets them; 0, or -1 and errno. The kernel leaves out those that are not there or not allowed, and fails (EINVAL)
/// only where none is left.
inline int set_cpus_of_thread(pid_t thread, unsigned long const* mask, std::size_t words) noexcept {
  return static_cast<int>(::syscall(SYS_sched_setaffinity, thread, words * sizeof(unsigned long), mask));
}

/// Sets the nice value; 0, or -1 and errno: EACCES where it may not be lowered. One below -20 or above 19 is taken as
/// these.
inline int set_nice_of_thread(pid_t thread, int value) noexcept {
  return ::setpriority(PRIO_PROCESS, static_cast<id_t>(thread), value);
}

inline int nice_of_thread(pid_t thread) noexcept { return ::getpriority(PRIO_PROCESS, static_cast<id_t>(thread)); }

/// Sets the policy (SCHED_OTHER, SCHED_FIFO...) and the priority of a real-time one, else 0; 0, or -1 and errno: EPERM.
inline int set_policy_of_thread(pid_t thread, int policy, int priority) noexcept {
  sched_param parameter{};
  parameter.sched_priority = priority;
  return ::sched_setscheduler(thread, policy, &parameter);
}

}  // namespace tandem::os

#endif  // TANDEM_OS_SCHEDULING_HPP
