// SPDX-License-Identifier: BSL-1.0
// fcntl(2) with F_OFD_SETLK: a mark on a file that somebody living uses it.
//
// It is an open-file-description lock of one byte that no file has. It lives as long as the open file: in copies of the
// descriptor, in forked children, in whoever it was sent to, in its mappings; and the kernel drops it with the last of
// them, however that one ends. Locks of the user's on the same file are not in its way.
#ifndef TANDEM_OS_USE_MARK_HPP
#define TANDEM_OS_USE_MARK_HPP

#include <cstdint>  // for INT64_MAX

#include "tandem/os/byte_lock.hpp"  // for byte_lock_kind, is_byte_locked, lock_byte

namespace tandem::os {

inline constexpr off_t use_mark_position = INT64_MAX - 1;

/// Marks the file as used, by any number of open files of it. Needs one that can be read. Never sleeps. 0, or -1 and
/// errno: EAGAIN while somebody has claimed it.
inline int mark_used(int descriptor) noexcept {
  return lock_byte(descriptor, byte_lock_kind::shared, use_mark_position);
}

/// Claims the file, if nobody uses it: until this open file is closed, nobody can mark it. Needs one that can be
/// written. Never sleeps. 0, or -1 and errno: EAGAIN where it is used, or claimed.
inline int claim_unused(int descriptor) noexcept {
  return lock_byte(descriptor, byte_lock_kind::exclusive, use_mark_position);
}

/// 1 where another open file has a mark or a claim on it, 0 where none has; -1 and errno.
inline int is_used(int descriptor) noexcept { return is_byte_locked(descriptor, use_mark_position); }

}  // namespace tandem::os

#endif  // TANDEM_OS_USE_MARK_HPP
