// SPDX-License-Identifier: BSL-1.0
// The one word that a program changes to run its workload shared or isolated.
#ifndef TANDEM_CORE_MODE_HPP
#define TANDEM_CORE_MODE_HPP

#include <optional>     // for optional
#include <string_view>  // for string_view

namespace tandem {

/// How a unit runs: as a thread of this process, or as a process behind a wall.
enum class mode { thread, process };

/// "thread" or "process".
/// @throws nothing.
constexpr std::string_view to_string(mode value) noexcept { return value == mode::thread ? "thread" : "process"; }

/// The mode that `name` spells, exactly; nothing for any other text, so that a program can word its own complaint.
/// @throws nothing.
constexpr std::optional<mode> mode_from_string(std::string_view name) noexcept {
  if (name == to_string(mode::thread)) return mode::thread;
  if (name == to_string(mode::process)) return mode::process;
  return std::nullopt;
}

}  // namespace tandem

#endif  // TANDEM_CORE_MODE_HPP
