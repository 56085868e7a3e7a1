// SPDX-License-Identifier: BSL-1.0
// What a process finds around it, and a child may find changed: its standard streams, its environment, its directory,
// how far its stack may grow.
#ifndef TANDEM_OS_SURROUNDINGS_HPP
#define TANDEM_OS_SURROUNDINGS_HPP

#include <stdio_ext.h>     // for __fpurge
#include <sys/resource.h>  // for getrlimit, setrlimit, RLIMIT_STACK
#include <sys/stat.h>      // for fstat, stat
#include <sys/types.h>     // for dev_t, ino_t
#include <unistd.h>        // for chdir, dup2, environ, sysconf

#include <cerrno>   // for errno, EINTR
#include <climits>  // for PTHREAD_STACK_MIN
#include <cstddef>  // for size_t
#include <cstdint>  // for uint64_t
#include <cstdio>   // for stdin, clearerr

namespace tandem::os {

/// Which file it is, wherever it is opened; all zeros: none.
struct file_identity {
  dev_t device = 0;
  ino_t number = 0;

  friend bool operator==(file_identity const&, file_identity const&) noexcept = default;
};

/// That of an open descriptor. One system call.
inline file_identity identity_of(int descriptor) noexcept {
  struct ::stat file {};
  return ::fstat(descriptor, &file) == 0 ? file_identity{file.st_dev, file.st_ino} : file_identity{};
}

/// That of the working directory. One system call.
inline file_identity identity_of_directory() noexcept {
  struct ::stat file {};
  return ::stat(".", &file) == 0 ? file_identity{file.st_dev, file.st_ino} : file_identity{};
}

/// A hash of the environment's strings. About a nanosecond for each byte. @pre nobody changes it meanwhile
inline std::uint64_t environment_hash() noexcept {
  std::uint64_t hash = 14695981039346656037ULL;
  for (char** entry = ::environ; entry != nullptr && *entry != nullptr; ++entry) {
    char const* at = *entry;
    do { hash = (hash ^ static_cast<unsigned char>(*at)) * 1099511628211ULL; } while (*at++ != '\0');
  }
  return hash;
}

/// Makes the number `to` another one for the open file of `from`; what it was is closed. `flags`: O_CLOEXEC, or 0: kept
/// over an exec. 0, or -1 and errno: EINVAL where the two are equal.
inline int duplicate_onto(int from, int to, int flags = 0) noexcept {
  int result = 0;
  do { result = ::dup3(from, to, flags); } while (result < 0 && errno == EINTR);
  return result < 0 ? -1 : 0;
}

/// Forgets what was read ahead of the C stream stdin: it has become another file. @pre no other thread uses it
inline void forget_input() noexcept {
  ::__fpurge(stdin);
  std::clearerr(stdin);
}

/// The environment is these "NAME=value" strings from now on, up to a null pointer; they stay where they are. @pre no
/// other thread looks at it
inline void set_environment(char** strings) noexcept { ::environ = strings; }

/// 0, or -1 and errno.
inline int change_directory(char const* path) noexcept { return ::chdir(path); }

/// How far the first thread's stack may grow, in bytes. 0, or -1 and errno: EINVAL, above the hard limit.
inline int set_stack_limit(std::size_t bytes) noexcept {
  rlimit limit{};
  if (::getrlimit(RLIMIT_STACK, &limit) != 0) return -1;
  limit.rlim_cur = bytes;
  return ::setrlimit(RLIMIT_STACK, &limit);
}
inline std::size_t stack_limit() noexcept {
  rlimit limit{};
  return ::getrlimit(RLIMIT_STACK, &limit) == 0 ? static_cast<std::size_t>(limit.rlim_cur) : ~std::size_t{0};
}

/// The smallest stack that a thread can have, in bytes.
inline std::size_t least_stack() noexcept {
  long const known = ::sysconf(_SC_THREAD_STACK_MIN);
  return static_cast<std::size_t>(known > 0 ? known : static_cast<long>(PTHREAD_STACK_MIN));
}

}  // namespace tandem::os

#endif  // TANDEM_OS_SURROUNDINGS_HPP
