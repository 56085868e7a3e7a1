// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_MEMORY_IMPL_GUARD_ZONE_HPP
#define TANDEM_MEMORY_IMPL_GUARD_ZONE_HPP

#include <algorithm>  // for all_of, fill, min
#include <cstddef>    // for byte, size_t
#include <cstdint>    // for uint64_t
#include <cstring>    // for memcpy

#include "tandem/config.hpp"  // for TANDEM_CHECKED

namespace tandem::impl {

/// Whether heaps look for writes behind the end of a block.
inline constexpr bool guards_blocks = TANDEM_CHECKED != 0;

/// What a guarded block ends with, behind the bytes that were asked for:
///
///     fill, at least 8 bytes, of which the first 64 are looked at | how many bytes were asked for: 8
class guard_zone {
 public:
  static constexpr std::size_t least = 16;

  static void draw(std::byte* block, std::size_t bytes, std::size_t size) noexcept {
    std::fill(block + bytes, end_of_fill(block, bytes, size), fill);
    std::uint64_t const said = bytes ^ mask;
    std::memcpy(block + size - sizeof said, &said, sizeof said);
  }

  static bool is_whole(std::byte const* block, std::size_t size) noexcept {
    std::uint64_t said = 0;
    std::memcpy(&said, block + size - sizeof said, sizeof said);
    std::uint64_t const bytes = said ^ mask;
    if (bytes > size - least) return false;
    return std::all_of(block + bytes, end_of_fill(block, bytes, size), [](std::byte one) { return one == fill; });
  }

 private:
  static constexpr std::byte fill{0xfd};
  static constexpr std::uint64_t mask = 0x7a6f6e6520656e64;  // a small number there would be nobody's surprise

  template <class Byte> static Byte* end_of_fill(Byte* block, std::size_t bytes, std::size_t size) noexcept {
    return block + std::min(bytes + 64, size - sizeof(std::uint64_t));
  }
};

}  // namespace tandem::impl

#endif  // TANDEM_MEMORY_IMPL_GUARD_ZONE_HPP
