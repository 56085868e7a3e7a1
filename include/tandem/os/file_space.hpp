// SPDX-License-Identifier: BSL-1.0
// fallocate(2), ftruncate(2): the size of a file, and the space behind it.
#ifndef TANDEM_OS_FILE_SPACE_HPP
#define TANDEM_OS_FILE_SPACE_HPP

#include <fcntl.h>         // for fallocate
#include <signal.h>        // for pthread_sigmask, sigfillset
#include <sys/resource.h>  // for getrlimit
#include <sys/sysinfo.h>   // for sysinfo
#include <unistd.h>        // for ftruncate

#include <cerrno>   // for errno, EFBIG, EINTR
#include <cstddef>  // for size_t
#include <cstdint>  // for INT64_MAX

namespace tandem::os {

/// Whether RLIMIT_FSIZE, or the kind of a file's size, forbids one of `bytes`: asked beforehand, since the calls below
/// would raise SIGXFSZ.
inline bool is_too_large_a_file(std::size_t bytes) noexcept {
  rlimit largest{};
  return bytes > INT64_MAX ||
         (::getrlimit(RLIMIT_FSIZE, &largest) == 0 && largest.rlim_cur != RLIM_INFINITY && bytes > largest.rlim_cur);
}

/// 0, or -1 and errno (EFBIG). What is added is a hole, which takes space when it is written to.
inline int set_file_size(int descriptor, std::size_t bytes) noexcept {
  if (is_too_large_a_file(bytes)) {
    errno = EFBIG;
    return -1;
  }
  int result = 0;
  do { result = ::ftruncate(descriptor, static_cast<off_t>(bytes)); } while (result != 0 && errno == EINTR);
  return result;
}

/// Makes the file at least `bytes` long, with the space of all of it taken; what is there already stays. 0, or -1 and
/// errno: ENOSPC, EFBIG; EOPNOTSUPP where the file system cannot.
inline int reserve_file_space(int descriptor, std::size_t bytes) noexcept {
  if (is_too_large_a_file(bytes)) {
    errno = EFBIG;
    return -1;
  }
  if (::fallocate(descriptor, 0, 0, static_cast<off_t>(bytes)) == 0) return 0;
  if (errno != EINTR) return -1;
  // A signal undoes what was done so far. One is served; under a steady rain of them, a profiler's, it would not end.
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  int result = 0;
  do { result = ::fallocate(descriptor, 0, 0, static_cast<off_t>(bytes)); } while (result != 0 && errno == EINTR);
  int const why = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = why;
  return result;
}

/// What memory and swap there are in all: who reserves more meets the out-of-memory killer, not an error.
inline std::size_t total_memory() noexcept {
  struct sysinfo system {};
  if (::sysinfo(&system) != 0) return SIZE_MAX;
  return (std::size_t{system.totalram} + system.totalswap) * system.mem_unit;
}

}  // namespace tandem::os

#endif  // TANDEM_OS_FILE_SPACE_HPP
