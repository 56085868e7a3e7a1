// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_EXAMPLES_HTTPD_SETTINGS_HPP
#define TANDEM_EXAMPLES_HTTPD_SETTINGS_HPP

#include <chrono>   // for milliseconds
#include <cstddef>  // for size_t
#include <string>   // for string

namespace httpd {

inline constexpr std::size_t longest_line = 8'000;     // of a request's first line
inline constexpr std::size_t longest_head = 16'384;    // of a request up to its empty line
inline constexpr std::size_t most_fields = 100;        // of a request
inline constexpr unsigned most_requests = 1'000;       // on a connection, so that others get their turn
inline constexpr std::chrono::milliseconds slice{50};  // how often somebody who waits looks up

/// What a worker is told. It crosses the wall by value, as it is.
struct settings {
  std::chrono::milliseconds timeout{
      10'000};                            // for a request to arrive, and for a client to take something of a response
  std::chrono::milliseconds idle{5'000};  // between two requests
  std::string crash_path;                 // empty: none
  bool log = false;
};

}  // namespace httpd

#endif  // TANDEM_EXAMPLES_HTTPD_SETTINGS_HPP
