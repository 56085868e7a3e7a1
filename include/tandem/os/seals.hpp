// SPDX-License-Identifier: BSL-1.0
// fcntl(2) with F_ADD_SEALS: what nobody shall do any more to a memory file.
#ifndef TANDEM_OS_SEALS_HPP
#define TANDEM_OS_SEALS_HPP

#include <fcntl.h>  // for fcntl, F_ADD_SEALS, F_GET_SEALS

namespace tandem::os {

inline constexpr int seal_seals = F_SEAL_SEAL;
inline constexpr int seal_shrink = F_SEAL_SHRINK;
inline constexpr int seal_grow = F_SEAL_GROW;
inline constexpr int seal_write = F_SEAL_WRITE;
inline constexpr int seal_future_write = 0x10;  // F_SEAL_FUTURE_WRITE, Linux 5.1

/// 0, or -1 and errno: EPERM (sealed against seals, as is every file that memfd_create has not made so that it can be
/// sealed; or not open for writing), EBUSY (`seal_write`, and somebody has it mapped for writing), EINVAL (no memory).
inline int add_seals(int descriptor, int seals) noexcept { return ::fcntl(descriptor, F_ADD_SEALS, seals); }

/// Those it has; -1 and errno: EINVAL where it is no memory.
inline int get_seals(int descriptor) noexcept { return ::fcntl(descriptor, F_GET_SEALS); }

}  // namespace tandem::os

#endif  // TANDEM_OS_SEALS_HPP
