// SPDX-License-Identifier: BSL-1.0
// What the supervisor tells of its workers, where they can read it.
#ifndef TANDEM_EXAMPLES_SERVICE_BOARD_HPP
#define TANDEM_EXAMPLES_SERVICE_BOARD_HPP

#include <atomic>   // for atomic
#include <cstddef>  // for size_t
#include <cstdint>  // for uint64_t
#include <string>   // for string, to_string

#include <tandem/tandem.hpp>

namespace service {

struct board_line {
  std::atomic<pid_t> process{0};  // 0: none is there now
  std::atomic<std::uint64_t> restarts{0};
  std::atomic<std::uint64_t> served{0};  // requests, by all who had this place
};

using board = tandem::shared<board_line[]>;

/// As `status` replies.
inline std::string to_text(board const& all) {
  std::string text;
  for (std::size_t i = 0; i < all.size(); ++i)
    text += "worker " + std::to_string(i + 1) + " process " + std::to_string(all[i].process) + " restarts " +
            std::to_string(all[i].restarts) + " served " + std::to_string(all[i].served) + "\n";
  return text + "end\n";
}

}  // namespace service

#endif  // TANDEM_EXAMPLES_SERVICE_BOARD_HPP
