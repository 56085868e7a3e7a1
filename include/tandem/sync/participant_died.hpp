// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_SYNC_PARTICIPANT_DIED_HPP
#define TANDEM_SYNC_PARTICIPANT_DIED_HPP

#include <system_error>  // for errc, make_error_code, system_error

namespace tandem {

/// What a latch or a barrier does about an enrolled unit that ends before it has arrived.
enum class on_death {
  fail,  ///< whoever waits gets participant_died
  drop,  ///< it counts as arrived
};

/// Thrown by whoever waits for a unit that will not arrive.
/// @par Shared memory          No: an exception.
/// @par Threads and processes  Copies may be used concurrently.
/// @par Peer death             Tells of one. `code()` equals std::errc::owner_dead.
class participant_died : public std::system_error {
 public:
  explicit participant_died(char const* what) : std::system_error(std::make_error_code(std::errc::owner_dead), what) {}
};

}  // namespace tandem

#endif  // TANDEM_SYNC_PARTICIPANT_DIED_HPP
