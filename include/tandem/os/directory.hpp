// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_OS_DIRECTORY_HPP
#define TANDEM_OS_DIRECTORY_HPP

#include <dirent.h>       // for dirent64
#include <sys/syscall.h>  // for SYS_getdents64
#include <unistd.h>       // for syscall, lseek

#include <cstddef>  // for size_t

namespace tandem::os {

/// Calls `f(name)` for each entry of an open directory, "." and ".." too; 0, or -1 and errno. Allocates nothing, so it
/// is for a child right after its fork too. What comes and goes meanwhile may be told or not.
template <class F> int for_each_entry(int directory, F f) noexcept {
  alignas(dirent64) char buffer[2048];
  for (;;) {
    long const bytes = ::syscall(SYS_getdents64, directory, buffer, sizeof buffer);
    if (bytes <= 0) return static_cast<int>(bytes);
    for (long at = 0; at < bytes;) {
      auto const* const entry = reinterpret_cast<dirent64 const*>(buffer + at);
      f(static_cast<char const*>(entry->d_name));
      at += entry->d_reclen;
    }
  }
}

}  // namespace tandem::os

#endif  // TANDEM_OS_DIRECTORY_HPP
