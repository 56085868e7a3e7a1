// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_EXAMPLES_KVCACHE_BOARD_HPP
#define TANDEM_EXAMPLES_KVCACHE_BOARD_HPP

#include <atomic>   // for atomic
#include <cstddef>  // for size_t
#include <cstdint>  // for int64_t, uint32_t, uint64_t

#include <tandem/tandem.hpp>

namespace kvcache {

/// What the workers let each other know.
struct notice {
  std::atomic<std::uint32_t> connections{0};  // now
  std::atomic<std::uint64_t> accepted{0};     // by all who have been in this place
};

/// One notice for each place. A handle.
struct board {
  tandem::shared<notice[]> notices;
  std::int64_t started;  // seconds since 1970
  std::size_t memory;    // of the table
  std::size_t me = 0;    // whose handle this is

  notice& mine() const { return notices[me]; }
  /// Whether somebody else has fewer connections.
  bool others_are_freer() const {
    std::uint32_t const own = mine().connections;
    for (auto const& one : notices)
      if (one.connections < own) return true;
    return false;
  }
};

}  // namespace kvcache

#endif  // TANDEM_EXAMPLES_KVCACHE_BOARD_HPP
