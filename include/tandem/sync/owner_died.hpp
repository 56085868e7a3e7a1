// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_SYNC_OWNER_DIED_HPP
#define TANDEM_SYNC_OWNER_DIED_HPP

#include <system_error>  // for errc, make_error_code, system_error

namespace tandem {

/// Thrown by whoever would lock what a unit has held to its end: the data that the lock protects may be half changed.
/// Nothing is held by the caller. recover() takes the lock over, to repair the data.
/// @par Shared memory          No: an exception.
/// @par Threads and processes  Copies may be used concurrently.
/// @par Peer death             Tells of one. `code()` equals std::errc::owner_dead (EOWNERDEAD of
/// pthread_mutex_lock(3)).
class owner_died : public std::system_error {
 public:
  explicit owner_died(char const* what) : std::system_error(std::make_error_code(std::errc::owner_dead), what) {}
};

}  // namespace tandem

#endif  // TANDEM_SYNC_OWNER_DIED_HPP
