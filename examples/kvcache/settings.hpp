// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_EXAMPLES_KVCACHE_SETTINGS_HPP
#define TANDEM_EXAMPLES_KVCACHE_SETTINGS_HPP

#include <chrono>   // for milliseconds
#include <cstddef>  // for size_t

namespace kvcache {

inline constexpr std::size_t read_at_once = std::size_t{64} << 10;  // so that others get their turn
inline constexpr std::chrono::milliseconds courtesy{5};             // for others to take a client who have fewer
inline constexpr std::chrono::milliseconds shortage{100};           // until descriptors may be there again
inline constexpr std::chrono::milliseconds first_words{1'000};      // for who has just come, at the end
inline constexpr std::chrono::milliseconds farewell{10'000};        // for clients to take what is theirs, at the end

}  // namespace kvcache

#endif  // TANDEM_EXAMPLES_KVCACHE_SETTINGS_HPP
