// SPDX-License-Identifier: BSL-1.0
// open(2) with O_TMPFILE, linkat(2): files that get their name when they are whole.
#ifndef TANDEM_OS_UNNAMED_FILE_HPP
#define TANDEM_OS_UNNAMED_FILE_HPP

#include <fcntl.h>       // for linkat, O_TMPFILE, AT_SYMLINK_FOLLOW
#include <sys/random.h>  // for getrandom
#include <sys/stat.h>    // for fchmod
#include <unistd.h>      // for access, link, unlink

#include <cstdint>  // for uint64_t
#include <cstdio>   // for snprintf

#include "tandem/os/descriptor.hpp"  // for open

namespace tandem::os {

/// A file in `folder` without a name, open for reading and writing: gone with its last descriptor and mapping, unless
/// `give_name` comes first. -1 and errno: EOPNOTSUPP, EISDIR where the file system has none.
inline int open_unnamed(char const* folder, mode_t mode = 0600) noexcept {
  return os::open(folder, O_TMPFILE | O_RDWR, mode);
}

struct descriptor_path {
  explicit descriptor_path(int descriptor) noexcept {
    static_cast<void>(std::snprintf(text, sizeof text, "/proc/self/fd/%d", descriptor));
  }
  char text[32];
};

/// Whether `give_name` can work: it needs /proc.
inline bool can_give_name(int descriptor) noexcept { return ::access(descriptor_path{descriptor}.text, F_OK) == 0; }

/// Gives an unnamed file its name, in one step: at no time does the name lead to anything else. 0, or -1 and errno:
/// EEXIST where the name is taken.
inline int give_name(int descriptor, char const* path) noexcept {
  return ::linkat(AT_FDCWD, descriptor_path{descriptor}.text, AT_FDCWD, path, AT_SYMLINK_FOLLOW);
}

/// One more name for what has the name `path`. 0, or -1 and errno: EEXIST where it is taken.
inline int add_name(char const* path, char const* further) noexcept { return ::link(path, further); }

/// 0, or -1 and errno: ENOENT where there is none.
inline int remove_name(char const* path) noexcept { return ::unlink(path); }

/// Exactly these, whatever the umask is. 0, or -1 and errno.
inline int set_permissions(int descriptor, mode_t permissions) noexcept { return ::fchmod(descriptor, permissions); }

/// A number nobody else has drawn; 0 where there is no randomness.
inline std::uint64_t draw_number() noexcept {
  std::uint64_t drawn = 0;
  return ::getrandom(&drawn, sizeof drawn, 0) == sizeof drawn ? drawn : 0;
}

}  // namespace tandem::os

#endif  // TANDEM_OS_UNNAMED_FILE_HPP
