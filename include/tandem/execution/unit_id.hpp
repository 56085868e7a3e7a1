// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_EXECUTION_UNIT_ID_HPP
#define TANDEM_EXECUTION_UNIT_ID_HPP

#include <sys/types.h>  // for pid_t

#include <compare>  // for strong_ordering
#include <cstdint>  // for uint64_t
#include <string>   // for string, to_string, hash

namespace tandem {

/// Names a unit: as std::thread::id, and unique over all processes at one time. A process, which is also its first
/// thread, has number 0.
/// @par Shared memory          Yes: two numbers.
/// @par Threads and processes  A value.
/// @par Peer death             A dead process's pid may come back, as everywhere in the system.
struct unit_id {
  pid_t process = 0;         ///< 0: no unit
  std::uint64_t number = 0;  ///< which thread of that process

  friend constexpr auto operator<=>(unit_id const&, unit_id const&) noexcept = default;

  /// "4711", "4711.3", or "none".
  std::string to_string() const {
    if (process == 0) return "none";
    return number == 0 ? std::to_string(process) : std::to_string(process) + '.' + std::to_string(number);
  }

  /// Writes to_string() to any stream of the standard library.
  template <class Traits>
  friend std::basic_ostream<char, Traits>& operator<<(std::basic_ostream<char, Traits>& out, unit_id const& id) {
    return out << id.to_string();
  }
};

}  // namespace tandem

template <> struct std::hash<tandem::unit_id> {
  std::size_t operator()(tandem::unit_id const& id) const noexcept {
    return std::hash<std::uint64_t>()(static_cast<std::uint64_t>(id.process) << 32 ^ id.number);
  }
};

#endif  // TANDEM_EXECUTION_UNIT_ID_HPP
