// SPDX-License-Identifier: BSL-1.0
// Locks of one byte of a file that belong to an open file, not to a process (fcntl(2), F_OFD_SETLK, Linux 3.15): the
// kernel drops them when the last descriptor of that open file is closed, so at the death of who had it.
#ifndef TANDEM_OS_BYTE_LOCK_HPP
#define TANDEM_OS_BYTE_LOCK_HPP

#include <fcntl.h>   // for fcntl, flock, F_OFD_SETLK, F_OFD_GETLK
#include <unistd.h>  // for SEEK_SET

namespace tandem::os {

enum class byte_lock_kind : short { shared = F_RDLCK, exclusive = F_WRLCK };

inline struct flock byte_lock_of(byte_lock_kind kind, off_t position) noexcept {
  struct flock lock {};
  lock.l_type = static_cast<short>(kind);
  lock.l_whence = SEEK_SET;
  lock.l_start = position;
  lock.l_len = 1;
  return lock;
}

/// Takes the lock, which needs no byte to be there. Never sleeps. 0, or -1 and errno: EAGAIN where another open file
/// has one that does not go with it; EBADF where the descriptor is not open for what the kind needs (to read, to
/// write).
inline int lock_byte(int descriptor, byte_lock_kind kind, off_t position) noexcept {
  auto lock = byte_lock_of(kind, position);
  return ::fcntl(descriptor, F_OFD_SETLK, &lock);
}

/// 1 where another open file has a lock on that byte, 0 where none has; -1 and errno.
inline int is_byte_locked(int descriptor, off_t position) noexcept {
  auto lock = byte_lock_of(byte_lock_kind::exclusive, position);
  if (::fcntl(descriptor, F_OFD_GETLK, &lock) != 0) return -1;
  return lock.l_type == F_UNLCK ? 0 : 1;
}

}  // namespace tandem::os

#endif  // TANDEM_OS_BYTE_LOCK_HPP
