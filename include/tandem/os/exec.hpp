// SPDX-License-Identifier: BSL-1.0
// Running a program afresh (vfork(2), execveat(2)).
#ifndef TANDEM_OS_EXEC_HPP
#define TANDEM_OS_EXEC_HPP

#include <fcntl.h>        // for fcntl, open, AT_EMPTY_PATH, O_PATH
#include <pthread.h>      // for pthread_sigmask
#include <signal.h>       // for sigset_t, sigfillset
#include <sys/syscall.h>  // for SYS_execveat
#include <sys/types.h>    // for pid_t
#include <sys/wait.h>     // for waitpid
#include <unistd.h>       // for _exit, getpid, syscall, vfork

#include <cerrno>   // for errno
#include <cstddef>  // for size_t
#include <span>     // for span

#include "tandem/os/clone.hpp"         // for forget_signal_handlers
#include "tandem/os/parent_death.hpp"  // for die_at_hangup, is_hung_up

namespace tandem::os {

/// A descriptor of this program's file, by which it can be run again whatever becomes of its name; -1 and errno.
inline int open_own_program() noexcept { return ::open("/proc/self/exe", O_PATH | O_CLOEXEC); }

/// Writes `value` into the `digits` characters at `to`, in hexadecimal. For a signal handler, or a vfork's child.
inline void write_hex(char* to, std::size_t digits, unsigned long value) noexcept {
  for (std::size_t at = digits; at > 0; value >>= 4) to[--at] = "0123456789abcdef"[value & 15];
}

/// What a program is to be run with.
struct exec_orders {
  int program;                // from open_own_program
  char* const* arguments;     // ends with nullptr
  char* const* environment;   // ends with nullptr
  std::span<int const> kept;  // descriptors that stay open in it, under their numbers
  int line;                   // the read end of this process's lifeline, -1: none
  char* line_text;            // 8 digits, in the environment: the descriptor that binds its life, ffffffff: none
  char* pid_text;             // 8 digits, in the environment: its number
};

/// Runs it in a child of this process. Returns its number; -1 and errno where it could not be run, and no child is
/// left. No handler of this program runs in it, and its signal mask is the caller's.
inline pid_t run_program(exec_orders const& orders) noexcept {
  sigset_t all, before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  int volatile failed = 0;  // written by the child, which runs in this memory until it has the program
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
  pid_t const child = ::vfork();
#pragma GCC diagnostic pop
  if (child == 0) {
    forget_signal_handlers();
    int const held = orders.line < 0 ? -1 : die_at_hangup(orders.line);
    if (held >= 0 && is_hung_up(held)) ::_exit(0);
    write_hex(orders.line_text, 8, static_cast<unsigned>(held));
    write_hex(orders.pid_text, 8, static_cast<unsigned>(::getpid()));
    if (held >= 0) ::fcntl(held, F_SETFD, 0);
    for (int const descriptor : orders.kept) ::fcntl(descriptor, F_SETFD, 0);
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    ::syscall(SYS_execveat, orders.program, "", orders.arguments, orders.environment, AT_EMPTY_PATH);
    failed = errno;
    ::_exit(127);
  }
  int const why = child < 0 ? errno : failed;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (child > 0 && why != 0) {
    while (::waitpid(child, nullptr, __WALL) < 0 && errno == EINTR) {}
  }
  errno = why;
  return why == 0 ? child : -1;
}

}  // namespace tandem::os

#endif  // TANDEM_OS_EXEC_HPP
