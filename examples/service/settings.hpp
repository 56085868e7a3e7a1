// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_EXAMPLES_SERVICE_SETTINGS_HPP
#define TANDEM_EXAMPLES_SERVICE_SETTINGS_HPP

#include <chrono>   // for milliseconds
#include <cstddef>  // for size_t

namespace service {

inline constexpr std::size_t most_workers = 256;
inline constexpr std::size_t most_keys = 256;
inline constexpr std::size_t longest_key = 23;          // bytes
inline constexpr std::size_t longest_line = 200;        // bytes of a request
inline constexpr std::chrono::milliseconds slice{100};  // how often a worker that waits beats, and looks for a stop

/// What a worker is told.
struct settings {
  std::chrono::milliseconds idle{5'000};  // for the next request, and for a client to take a reply
};

}  // namespace service

#endif  // TANDEM_EXAMPLES_SERVICE_SETTINGS_HPP
