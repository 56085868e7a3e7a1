// SPDX-License-Identifier: BSL-1.0
// Closing all descriptors but a few (close_range(2), Linux 5.9, and what there was before).
#ifndef TANDEM_OS_CLOSE_RANGE_HPP
#define TANDEM_OS_CLOSE_RANGE_HPP

#include <fcntl.h>         // for open, O_DIRECTORY
#include <sys/resource.h>  // for getrlimit, RLIMIT_NOFILE
#include <sys/syscall.h>   // for SYS_close_range
#include <unistd.h>        // for close, syscall

#include <cerrno>   // for errno
#include <climits>  // for INT_MAX
#include <span>     // for span

#include "tandem/os/directory.hpp"  // for for_each_entry

namespace tandem::os {

/// Closes the descriptors from `first` to `last`, those among them that are open; 0, or -1 and errno: ENOSYS.
inline int close_range(unsigned first, unsigned last) noexcept {
#if defined(SYS_close_range)
  constexpr long number = SYS_close_range;
#else
  constexpr long number = 436;  // the same on all platforms
#endif
  return static_cast<int>(::syscall(number, first, last, 0));
}

/// The number that `name` spells; -1 where it spells none.
inline int descriptor_number(char const* name) noexcept {
  if (*name == '\0') return -1;
  int number = 0;
  for (; *name != '\0'; ++name) {
    if (*name < '0' || *name > '9' || number > (INT_MAX - 9) / 10) return -1;
    number = 10 * number + (*name - '0');
  }
  return number;
}

namespace detail {

inline bool is_among(std::span<int const> sorted, int number) noexcept {
  for (int const one : sorted) {
    if (one == number) return true;
  }
  return false;
}

}  // namespace detail

/// close_all_but on a kernel without close_range: by the list in proc(5), or, without that, by trying each number that
/// may be open.
inline void close_each_but(std::span<int const> sorted) noexcept {
  int const list = ::open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (list >= 0) {
    // A listing during which entries go may miss some: so until nothing was found.
    for (bool found = true; found;) {
      found = false;
      ::lseek(list, 0, SEEK_SET);
      for_each_entry(list, [&](char const* name) {
        int const number = descriptor_number(name);
        if (number < 0 || number == list || detail::is_among(sorted, number)) return;
        found = ::close(number) == 0 || found;
      });
    }
    ::close(list);
    return;
  }
  rlimit limit{};
  // A limit that was lowered since leaves higher numbers open; without proc(5) nobody can tell.
  rlim_t const end = ::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_max < (1 << 20) ? limit.rlim_max : 1 << 20;
  for (int number = 0; static_cast<rlim_t>(number) < end; ++number) {
    if (!detail::is_among(sorted, number)) ::close(number);
  }
}

/// Closes all descriptors of the process except those listed. Allocates nothing. @pre `sorted` ascends
inline void close_all_but(std::span<int const> sorted) noexcept {
  unsigned first = 0;
  for (int const kept : sorted) {
    auto const number = static_cast<unsigned>(kept);
    if (number > first && close_range(first, number - 1) != 0) return close_each_but(sorted);
    first = number + 1;
  }
  if (close_range(first, ~0U) != 0) close_each_but(sorted);
}

}  // namespace tandem::os

#endif  // TANDEM_OS_CLOSE_RANGE_HPP
