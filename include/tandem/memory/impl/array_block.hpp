// SPDX-License-Identifier: BSL-1.0
// How an array lies in its block: a count, then the elements.
#ifndef TANDEM_MEMORY_IMPL_ARRAY_BLOCK_HPP
#define TANDEM_MEMORY_IMPL_ARRAY_BLOCK_HPP

#include <algorithm>  // for max, min
#include <cstddef>    // for byte, size_t
#include <cstdint>    // for uint64_t
#include <memory>     // for destroy_n
#include <new>        // for bad_array_new_length, placement new

#include "tandem/memory/impl/counted.hpp"     // for block_of
#include "tandem/memory/impl/free_block.hpp"  // for block_bytes_at
#include "tandem/memory/impl/region.hpp"      // for family

namespace tandem::impl {

template <class T> struct block_of<T[]> {
  static constexpr std::size_t alignment = std::max(alignof(T), alignof(std::uint64_t));
  static constexpr std::size_t elements_at = std::max(sizeof(std::uint64_t), alignof(T));
  static constexpr std::size_t least_bytes = elements_at;
  static constexpr bool is_parcel = false;

  /// What `count` elements need. @throws std::bad_array_new_length
  static std::size_t bytes_for(std::size_t count) {
    if (count > (~std::size_t{0} - elements_at) / sizeof(T)) throw std::bad_array_new_length();
    return elements_at + count * sizeof(T);
  }

  static T* elements(std::byte* block) noexcept { return reinterpret_cast<T*>(block + elements_at); }
  static void set_count(std::byte* block, std::size_t count) noexcept { ::new (block) std::uint64_t(count); }

  /// As it stands in shared memory, but never more than the block has room for.
  static std::size_t count(std::byte const* block) noexcept {
    std::size_t const all = block_bytes_at(family().offset(block));
    std::uint64_t const said = *reinterpret_cast<std::uint64_t const volatile*>(block);
    return all < elements_at ? 0 : std::min(said, std::uint64_t{(all - elements_at) / sizeof(T)});
  }
  static std::size_t bytes(std::byte const* block) noexcept { return elements_at + count(block) * sizeof(T); }
  static void destroy(std::byte* block) noexcept { std::destroy_n(elements(block), count(block)); }
};

}  // namespace tandem::impl

#endif  // TANDEM_MEMORY_IMPL_ARRAY_BLOCK_HPP
