// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_CREW_SUPERVISOR_OPTIONS_HPP
#define TANDEM_CREW_SUPERVISOR_OPTIONS_HPP

#include <chrono>   // for nanoseconds, seconds
#include <cstdint>  // for uint64_t
#include <string>   // for string

namespace tandem {

/// Who is started again when a child fails. The others of those are stopped first, the last one first; then all of them
/// are started in their order.
enum class strategy {
  one_for_one,   ///< The child alone.
  one_for_all,   ///< All children.
  rest_for_one,  ///< The child, and those behind it.
};

/// How a supervisor is to be.
/// @par Threads and processes  A value.
struct supervisor_options {
  /// Of its thread, and in what it throws.
  std::string name = "supervisor";
  tandem::strategy strategy = strategy::one_for_one;
  /// More restarts than this in one `period`, and it stops all children and gives up. 0: at the first failure.
  std::uint64_t intensity = 1;
  std::chrono::nanoseconds period = std::chrono::seconds(5);
  /// Of the children's jitter (restart_backoff); 0: another one each time.
  std::uint64_t seed = 0;
};

}  // namespace tandem

#endif  // TANDEM_CREW_SUPERVISOR_OPTIONS_HPP
