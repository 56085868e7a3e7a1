// SPDX-License-Identifier: BSL-1.0
// The service's state: what all workers share, and what no worker's death leaves half changed.
#ifndef TANDEM_EXAMPLES_SERVICE_COUNTERS_HPP
#define TANDEM_EXAMPLES_SERVICE_COUNTERS_HPP

#include <cstddef>      // for size_t
#include <cstdint>      // for uint64_t
#include <optional>     // for nullopt, optional
#include <string_view>  // for string_view

#include <tandem/tandem.hpp>

#include "settings.hpp"

namespace service {

/// Numbers by key. Flat: a synchronized_value of it changes wholly or not at all.
struct counters {
  struct entry {
    char key[longest_key + 1];
    std::uint64_t value;
  };

  std::size_t size = 0;
  entry entries[most_keys]{};

  /// The value then; nothing where there is no room for another key. @pre the key is not too long
  std::optional<std::uint64_t> add(std::string_view key) {
    if (auto* const one = find(key)) return ++one->value;
    if (size == most_keys) return std::nullopt;
    auto& added = entries[size++];
    key.copy(added.key, longest_key);
    return ++added.value;
  }
  std::uint64_t get(std::string_view key) const {
    auto const* const one = const_cast<counters*>(this)->find(key);
    return one != nullptr ? one->value : 0;
  }

 private:
  entry* find(std::string_view key) {
    for (std::size_t i = 0; i < size; ++i)
      if (key == entries[i].key) return &entries[i];
    return nullptr;
  }
};

using shared_counters = tandem::shared<tandem::synchronized_value<counters>>;

}  // namespace service

template <> inline constexpr bool tandem::enable_flat<service::counters> = true;

#endif  // TANDEM_EXAMPLES_SERVICE_COUNTERS_HPP
