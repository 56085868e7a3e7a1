// SPDX-License-Identifier: BSL-1.0
// fstat(2), lstat(2): what a file is.
#ifndef TANDEM_OS_FILE_STATUS_HPP
#define TANDEM_OS_FILE_STATUS_HPP

#include <fcntl.h>     // for fcntl, F_GETFL, O_ACCMODE
#include <sys/stat.h>  // for fstat, lstat, S_ISREG

#include <cstddef>  // for size_t
#include <cstdint>  // for uint64_t

namespace tandem::os {

struct file_status {
  std::size_t bytes = 0;
  std::uint64_t device = 0, inode = 0;  // the same in both: the same file
  std::uint64_t names = 0;              // links; 0 of a file that has none left, or never had one
  bool is_regular = false;              // which a memory file is too
};

inline file_status to_file_status(struct stat const& from) noexcept {
  return {static_cast<std::size_t>(from.st_size), from.st_dev, from.st_ino, from.st_nlink, S_ISREG(from.st_mode)};
}

/// Of an open file. 0, or -1 and errno.
inline int get_status(int descriptor, file_status& status) noexcept {
  struct stat found {};
  if (::fstat(descriptor, &found) != 0) return -1;
  status = to_file_status(found);
  return 0;
}

/// Of what has this name; a symbolic link is not followed. 0, or -1 and errno.
inline int get_status(char const* path, file_status& status) noexcept {
  struct stat found {};
  if (::lstat(path, &found) != 0) return -1;
  status = to_file_status(found);
  return 0;
}

/// O_RDONLY, O_WRONLY or O_RDWR: how it was opened; -1 and errno.
inline int get_open_mode(int descriptor) noexcept {
  int const flags = ::fcntl(descriptor, F_GETFL);
  return flags < 0 ? -1 : flags & O_ACCMODE;
}

}  // namespace tandem::os

#endif  // TANDEM_OS_FILE_STATUS_HPP
