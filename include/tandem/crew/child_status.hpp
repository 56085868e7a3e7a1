// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_CREW_CHILD_STATUS_HPP
#define TANDEM_CREW_CHILD_STATUS_HPP

#include <cstdint>      // for uint64_t
#include <optional>     // for optional
#include <string>       // for string
#include <string_view>  // for string_view

#include "tandem/core/failure.hpp"       // for failure
#include "tandem/execution/unit_id.hpp"  // for unit_id

namespace tandem {

/// What a supervisor's child is at.
enum class child_state {
  waiting,   ///< For its turn, or for its backoff to pass.
  starting,  ///< Started, and not ready yet (child_options::ready).
  running,
  hung,      ///< Found so, and killed; or a thread, told to stop.
  stopping,  ///< Told to stop by its supervisor.
  ended,     ///< By itself, and not to be started again.
  stopped,   ///< By its supervisor.
};

/// "running"
constexpr std::string_view to_string(child_state state) noexcept {
  constexpr std::string_view words[] = {"waiting", "starting", "running", "hung", "stopping", "ended", "stopped"};
  return words[static_cast<int>(state)];
}

/// A supervisor's child as it was at one moment.
/// @par Threads and processes  A value.
struct child_status {
  std::string name = {};
  child_state state = child_state::waiting;
  unit_id id = {};                             ///< of the unit; none where there is none
  std::uint64_t restarts = 0;                  ///< how often it was started again
  std::optional<failure> last = std::nullopt;  ///< what it failed of last
};

}  // namespace tandem

#endif  // TANDEM_CREW_CHILD_STATUS_HPP
