// SPDX-License-Identifier: BSL-1.0
// fcntl(2) with F_OFD_SETLK: a mark on a file that somebody living uses it.
//
// It is an open-file-description lock of one byte that no file has. It lives as long as the open file: in copies of the
// descriptor, in forked children, in whoever it was sent to, in its mappings; and the kernel drops it with the last of
// them, however that one ends. Locks of the user's on the same file are not in its way.
#ifndef TANDEM_OS_USE_MARK_HPP
#define TANDEM_OS_USE_MARK_HPP

#include <fcntl.h>   // for fcntl, flock, F_OFD_SETLK, F_OFD_GETLK
#include <unistd.h>  // for SEEK_SET

#include <cstdint>  // for INT64_MAX

namespace tandem::os {

inline struct flock use_mark_of(short kind) noexcept {
  struct flock mark {};
  mark.l_type = kind;
  mark.l_whence = SEEK_SET;
  mark.l_start = INT64_MAX - 1;
  mark.l_len = 1;
  return mark;
}

/// Marks the file as used, by any number of open files of it. Needs one that can be read. Never sleeps. 0, or -1 and
/// errno: EAGAIN while somebody has claimed it.
inline int mark_used(int descriptor) noexcept {
  auto mark = use_mark_of(F_RDLCK);
  return ::fcntl(descriptor, F_OFD_SETLK, &mark);
}

/// Claims the file, if nobody uses it: until this open file is closed, nobody can mark it. Needs one that can be
/// written. Never sleeps. 0, or -1 and errno: EAGAIN where it is used, or claimed.
inline int claim_unused(int descriptor) noexcept {
  auto mark = use_mark_of(F_WRLCK);
  return ::fcntl(descriptor, F_OFD_SETLK, &mark);
}

/// 1 where another open file has a mark or a claim on it, 0 where none has; -1 and errno.
inline int is_used(int descriptor) noexcept {
  auto mark = use_mark_of(F_WRLCK);
  if (::fcntl(descriptor, F_OFD_GETLK, &mark) != 0) return -1;
  return mark.l_type == F_UNLCK ? 0 : 1;
}

}  // namespace tandem::os

#endif  // TANDEM_OS_USE_MARK_HPP
