// SPDX-License-Identifier: BSL-1.0
// Process descriptors (pidfd_open(2), pidfd_send_signal(2), waitid(2) with P_PIDFD): a child by a name that is never
// reused.
#ifndef TANDEM_OS_PIDFD_HPP
#define TANDEM_OS_PIDFD_HPP

#include <linux/types.h>   // for __u64 and its like
#include <signal.h>        // for siginfo_t
#include <sys/ioctl.h>     // for ioctl, _IOWR
#include <sys/resource.h>  // for rusage
#include <sys/syscall.h>   // for SYS_pidfd_open, SYS_pidfd_send_signal, SYS_waitid
#include <sys/types.h>     // for pid_t
#include <sys/wait.h>      // for WEXITED, WNOHANG, WNOWAIT
#include <unistd.h>        // for syscall

#include <cerrno>    // for errno, EINTR
#include <optional>  // for optional

namespace tandem::os {

/// A close-on-exec descriptor of the process `pid`, or -1 and errno.
inline int pidfd_open(pid_t pid) noexcept { return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)); }

/// Sends a signal to the process; 0, or -1 and errno (ESRCH: it has been reaped). Signals to a zombie succeed and do
/// nothing.
inline int pidfd_signal(int pidfd, int signal) noexcept {
  return static_cast<int>(::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0));
}

/// How a process ended: `code` is its exit code, or the number of the signal that killed it.
struct process_end {
  enum class kind { exited, killed, dumped } how;
  int code;
};

enum class wait_result { ended, still_running, not_ours };

/// waitid(2) for one process: `kind` and `id` name it.
inline wait_result wait_one(int kind, int id, int options, process_end& end, rusage* usage) noexcept {
  siginfo_t info{};
  long result = 0;
  do {
    // __WALL: children with another exit signal than SIGCHLD are waited for too
    result = ::syscall(SYS_waitid, kind, id, &info, WEXITED | __WALL | options, usage);
  } while (result != 0 && errno == EINTR);
  if (result != 0) return wait_result::not_ours;
  if (info.si_pid == 0) return wait_result::still_running;
  end = {info.si_code == CLD_EXITED   ? process_end::kind::exited
         : info.si_code == CLD_DUMPED ? process_end::kind::dumped
                                      : process_end::kind::killed,
         info.si_status};
  return wait_result::ended;
}

/// Waits for the end of our child. `options`: 0 or WNOHANG, WNOWAIT. `not_ours`: it is no child of this process, or
/// somebody else has reaped it. `usage` is filled where the process ended (its own and its reaped descendants' use of
/// resources).
inline wait_result wait_process(int pidfd, int options, process_end& end, rusage* usage = nullptr) noexcept {
  constexpr int p_pidfd = 3;  // P_PIDFD, missing from older headers
  return wait_one(p_pidfd, pidfd, options, end, usage);
}

/// The same by number: for a child that nobody else can reap.
inline wait_result wait_child(pid_t pid, int options, process_end& end, rusage* usage = nullptr) noexcept {
  return wait_one(P_PID, pid, options, end, usage);
}

/// How a process ended that somebody else has reaped, where the kernel still tells (PIDFD_GET_INFO, Linux 6.15).
inline std::optional<process_end> reaped_end(int pidfd) noexcept {
  struct pidfd_info {  // of linux/pidfd.h
    __u64 mask, cgroup;
    __u32 pid, tgid, ppid, ids[8];
    __s32 exit_code;
  };
  static_assert(sizeof(pidfd_info) == 64);
  constexpr __u64 exit_mask = 1U << 3;
  pidfd_info info{};
  info.mask = exit_mask;
  if (::ioctl(pidfd, _IOWR(0xFF, 11, pidfd_info), &info) != 0 || (info.mask & exit_mask) == 0) return std::nullopt;
  int const status = info.exit_code;
  using kind = process_end::kind;
  if (WIFEXITED(status)) return process_end{kind::exited, WEXITSTATUS(status)};
  return process_end{WCOREDUMP(status) ? kind::dumped : kind::killed, WTERMSIG(status)};
}

}  // namespace tandem::os

#endif  // TANDEM_OS_PIDFD_HPP
