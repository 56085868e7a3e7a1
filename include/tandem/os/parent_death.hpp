// SPDX-License-Identifier: BSL-1.0
// Dying with another process: by a pipe whose write end that process alone has open, so that the kernel hangs it up at
// its death, whatever kills it (fcntl(2), F_SETSIG). Unlike PR_SET_PDEATHSIG it follows the process and not the thread
// that started this one, and is kept over a change of user and over an exec.
#ifndef TANDEM_OS_PARENT_DEATH_HPP
#define TANDEM_OS_PARENT_DEATH_HPP

#include <fcntl.h>      // for fcntl, open, F_SETSIG, F_SETOWN, F_SETFL
#include <poll.h>       // for poll, pollfd, POLLHUP
#include <pthread.h>    // for pthread_create
#include <signal.h>     // for kill, pthread_sigmask, SIGKILL
#include <sys/types.h>  // for pid_t
#include <unistd.h>     // for close, getpid

#include <cerrno>   // for errno
#include <cstdint>  // for intptr_t

#include "tandem/os/bound.hpp"  // for bound
#include "tandem/os/pidfd.hpp"  // for pidfd_open
#include "tandem/os/poll.hpp"   // for wait_ready

namespace tandem::os {

/// Asks the kernel to kill the calling process when the pipe that `read_end` reads from has no writer left. Returns a
/// descriptor of this process's own, which must stay open for that; -1 and errno where it cannot: without proc(5),
/// above all. Owner and signal belong to an open file description, so the pipe is opened once more.
inline int die_at_hangup(int read_end) noexcept {
  char path[32] = "/proc/self/fd/";
  char* end = path + sizeof "/proc/self/fd/" - 1;
  int digits = 1;
  for (int rest = read_end; rest >= 10; rest /= 10) ++digits;
  for (int at = digits, rest = read_end; at > 0; rest /= 10) end[--at] = static_cast<char>('0' + rest % 10);
  // Not waiting: without a writer, an open of a FIFO would sleep for ever.
  int const own = bound(&::open)(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (own < 0) return -1;
  auto const control = bound(&::fcntl);
  if (control(own, F_SETSIG, SIGKILL) == 0 && control(own, F_SETOWN, bound(&::getpid)()) == 0 &&
      control(own, F_SETFL, O_ASYNC | O_NONBLOCK) == 0)
    return own;
  int const why = errno;
  bound (&::close)(own);
  errno = why;
  return -1;
}

/// Whether the pipe has no writer left. To be asked once after die_at_hangup: the last one may have gone before.
inline bool is_hung_up(int read_end) noexcept {
  pollfd one{read_end, POLLIN, 0};
  return bound(&::poll)(&one, 1, 0) > 0 && (one.revents & POLLHUP) != 0;
}

/// The same as die_at_hangup by other means: a thread that waits for the death of the process `other`. 0, or an errno.
/// @pre `other` is this process's parent, so that its number is not another's
inline int die_with_process(pid_t other) noexcept {
  int const descriptor = pidfd_open(other);
  if (descriptor < 0) return errno;
  sigset_t all, before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);  // the program's signals are for the program's threads
  pthread_t thread{};
  int const error = ::pthread_create(
      &thread, nullptr,
      [](void* data) -> void* {
        wait_ready(static_cast<int>(reinterpret_cast<std::intptr_t>(data)), POLLIN);
        ::kill(::getpid(), SIGKILL);
        return nullptr;
      },
      reinterpret_cast<void*>(std::intptr_t{descriptor}));
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (error != 0)
    ::close(descriptor);
  else
    ::pthread_detach(thread);
  return error;
}

}  // namespace tandem::os

#endif  // TANDEM_OS_PARENT_DEATH_HPP
