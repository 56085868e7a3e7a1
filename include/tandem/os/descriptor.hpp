// SPDX-License-Identifier: BSL-1.0
// File descriptors by number: open, close, duplicate, read, write. All that is made here is close-on-exec.
#ifndef TANDEM_OS_DESCRIPTOR_HPP
#define TANDEM_OS_DESCRIPTOR_HPP

#include <fcntl.h>      // for open, fcntl, F_DUPFD_CLOEXEC, O_CLOEXEC
#include <signal.h>     // for pthread_sigmask, sigpending, sigtimedwait
#include <sys/types.h>  // for mode_t, ssize_t
#include <time.h>       // for timespec
#include <unistd.h>     // for close, pipe2, read, write

#include <cerrno>   // for errno, EINTR, EPIPE
#include <cstddef>  // for size_t

namespace tandem::os {

/// 0, or -1 and errno. A descriptor whose close a signal interrupts is closed all the same, so that counts as done.
inline int close(int descriptor) noexcept { return ::close(descriptor) == 0 || errno == EINTR ? 0 : -1; }

inline bool is_open(int descriptor) noexcept { return ::fcntl(descriptor, F_GETFD) >= 0; }

/// Another number for the same open file, not below `least`; -1 and errno (EBADF, EMFILE) where there is none.
inline int duplicate(int descriptor, int least = 0) noexcept { return ::fcntl(descriptor, F_DUPFD_CLOEXEC, least); }

/// 0, or -1 and errno.
inline int set_close_on_exec(int descriptor, bool on = true) noexcept {
  return ::fcntl(descriptor, F_SETFD, on ? FD_CLOEXEC : 0);
}

/// Opens `path`; -1 and errno. An open that a signal interrupts (a FIFO's, a slow device's) starts again.
inline int open(char const* path, int flags, mode_t mode = 0) noexcept {
  int descriptor = -1;
  do { descriptor = ::open(path, flags | O_CLOEXEC, mode); } while (descriptor < 0 && errno == EINTR);
  return descriptor;
}

/// The two ends of a pipe: what is written to `ends[1]` is read from `ends[0]`. 0, or -1 and errno.
inline int open_pipe(int (&ends)[2], int flags = 0) noexcept { return ::pipe2(ends, flags | O_CLOEXEC); }

/// Reads once: how many bytes, 0 at the end, -1 and errno. A signal does not end it.
inline ssize_t read(int descriptor, void* to, std::size_t bytes) noexcept {
  ssize_t count = 0;
  do { count = ::read(descriptor, to, bytes); } while (count < 0 && errno == EINTR);
  return count;
}

/// While it lives, a write of this thread to a pipe or socket that nobody reads any more gives EPIPE without the
/// signal. A SIGPIPE that came from elsewhere is kept. Two system calls, four after an EPIPE.
class without_sigpipe {
 public:
  without_sigpipe() noexcept {
    ::sigemptyset(&pipe_);
    ::sigaddset(&pipe_, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
    if (::sigismember(&before_, SIGPIPE) == 1) {  // otherwise it would have been delivered: nothing can be pending
      sigset_t pending;
      ::sigemptyset(&pending);
      ::sigpending(&pending);
      was_pending_ = ::sigismember(&pending, SIGPIPE) == 1;
    }
  }
  without_sigpipe(without_sigpipe const&) = delete;
  without_sigpipe& operator=(without_sigpipe const&) = delete;
  ~without_sigpipe() {
    int const kept = errno;
    if (raised_ && !was_pending_) {
      // The write's own signal is queued to this thread, and taken before one sent to the process.
      timespec const at_once{};
      while (::sigtimedwait(&pipe_, nullptr, &at_once) < 0 && errno == EINTR) {}
    }
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    errno = kept;
  }

  /// Tells that a write has failed with EPIPE, and so has left a signal behind.
  void raised() noexcept { raised_ = true; }

 private:
  sigset_t pipe_;
  sigset_t before_;
  bool was_pending_ = false;
  bool raised_ = false;
};

/// Writes once: how many bytes, or -1 and errno. A signal does not end it, and it raises no SIGPIPE.
inline ssize_t write(int descriptor, void const* from, std::size_t bytes) noexcept {
  without_sigpipe quiet;
  ssize_t count = 0;
  do { count = ::write(descriptor, from, bytes); } while (count < 0 && errno == EINTR);
  if (count < 0 && errno == EPIPE) quiet.raised();
  return count;
}

}  // namespace tandem::os

#endif  // TANDEM_OS_DESCRIPTOR_HPP
