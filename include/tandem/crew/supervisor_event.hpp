// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_CREW_SUPERVISOR_EVENT_HPP
#define TANDEM_CREW_SUPERVISOR_EVENT_HPP

#include <cstdint>      // for uint64_t
#include <optional>     // for optional
#include <string>       // for string
#include <string_view>  // for string_view

#include "tandem/core/failure.hpp"       // for failure
#include "tandem/execution/unit_id.hpp"  // for unit_id

namespace tandem {

/// Something that a supervisor did, or saw.
/// @par Threads and processes  A value.
struct supervisor_event {
  enum class kind {
    started,
    restarted,
    ready,        ///< it has called this_child::ready()
    ended,        ///< by itself, normally
    died,         ///< by itself, in any other way: `why`
    not_started,  ///< the system, or a copy, refused: `why`
    hung,         ///< no heartbeat, or not ready in time; a process is killed now, a thread told to stop
    overdue,      ///< told to stop, and still there after its `shutdown`; a process is killed now, a thread waited for
    stopped,      ///< by its supervisor; `why` unless it ended normally
    removed,
    gave_up,  ///< the supervisor, after one failure too many: `why`, and whose
  };

  kind what = kind::started;
  std::string child = {};
  unit_id id = {};             ///< of the unit; none where there is none
  std::uint64_t restarts = 0;  ///< of that child, so far
  std::optional<failure> why = std::nullopt;

  /// "worker 1 died: 'worker 1' was killed by SIGKILL"
  std::string to_string() const {
    constexpr std::string_view words[] = {"started", "restarted", "ready",   "ended",   "died",   "not started",
                                          "hung",    "overdue",   "stopped", "removed", "gave up"};
    std::string text = child;
    text.append(" ").append(words[static_cast<int>(what)]);
    if (why) text.append(": ").append(why->to_string());
    return text;
  }
};

}  // namespace tandem

#endif  // TANDEM_CREW_SUPERVISOR_EVENT_HPP
