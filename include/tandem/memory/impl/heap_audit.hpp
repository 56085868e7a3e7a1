// SPDX-License-Identifier: BSL-1.0
// What the heap holds, found by a look at all its state words and bitmaps.
#ifndef TANDEM_MEMORY_IMPL_HEAP_AUDIT_HPP
#define TANDEM_MEMORY_IMPL_HEAP_AUDIT_HPP

#include <algorithm>  // for min
#include <atomic>     // for memory_order
#include <bit>        // for popcount
#include <cstddef>    // for size_t
#include <cstdint>    // for uint32_t, uint64_t

#include "tandem/memory/impl/heap_layout.hpp"  // for heap_map, sizes, unit_state
#include "tandem/memory/impl/heap_owners.hpp"  // for owner_has_ended

namespace tandem {

/// What a heap holds at about the time of the question: others go on meanwhile. Sizes are in bytes.
struct heap_statistics {
  std::size_t capacity = 0;     ///< of the address space that blocks can lie in
  std::size_t reserved = 0;     ///< of it, what was ever in use: the most that can be resident
  std::size_t live_blocks = 0;  ///< how many blocks are allocated
  std::size_t live_bytes = 0;   ///< in them, each rounded up to its size class or to whole units of 64 KiB
  std::size_t big_blocks = 0;   ///< of them, those of more than 32 KiB
  std::size_t big_bytes = 0;    ///< in these
  /// Of the big blocks, those whose allocator has ended: handed over to somebody, or leaked. Small ones do not say who
  /// has allocated them; at most one is lost with each death.
  std::size_t inherited_blocks = 0;
  std::size_t inherited_bytes = 0;  ///< in these
  std::size_t slabs = 0;            ///< units of 64 KiB that small blocks lie in
  std::size_t abandoned_slabs = 0;  ///< of them, those whose owner has ended and that nobody has adopted yet
  std::size_t adopted_slabs = 0;    ///< how many were taken over from the dead, ever
  std::size_t stolen_locks = 0;     ///< how often somebody died at the page pool, ever
};

namespace impl {

class heap_audit {
 public:
  /// Takes no lock: a state word below the top that says `slab` or `run` is a head, at any time.
  static heap_statistics count(heap_map const& map) noexcept {
    heap_statistics sum;
    std::uint32_t const top = map.top();
    sum.capacity = map.bytes;
    sum.reserved = std::size_t{top} << unit_bits;
    for (std::uint32_t unit = 0; unit < top; ++unit) {
      unit_state const state = map.state(unit, std::memory_order_acquire);  // pairs with the release in format
      if (state.is_slab()) {
        add_slab(sum, map, unit, state);
      } else if (state.is_big_block()) {
        add_big_block(sum, map, state);
      }
    }
    sum.adopted_slabs = map.header->adopted.load(std::memory_order_relaxed);
    sum.stolen_locks = map.header->stolen.load(std::memory_order_relaxed);
    return sum;
  }

  /// Whether the runs tile the units up to the top, without a gap or an overlap. @pre nobody is at the page pool
  static bool is_tiled(heap_map const& map) noexcept {
    std::uint32_t unit = 0, top = map.top();
    while (unit < top) {
      unit_state const head = map.state(unit, std::memory_order_acquire);
      bool const known = head.is_free() || head.is_slab() || head.is_big_block();
      if (!known || head.length() == 0 || head.length() > top - unit) return false;
      if (head.is_slab() && (head.length() != 1 || head.size_class() % unit_state::guarded >= sizes.count))
        return false;
      unit += head.length();
    }
    return unit == top && cursor_is_head(map);
  }

  /// How many bytes there are from `block` on, which is the start of an allocated block; 0 where it is not.
  static std::size_t block_bytes(heap_map const& map, void const* block) noexcept {
    std::size_t const offset = map.offset(block);
    if (offset >= map.bytes) return 0;
    auto const unit = static_cast<std::uint32_t>(offset >> unit_bits);
    unit_state const state = map.state(unit, std::memory_order_acquire);
    if (state.is_big_block())
      return offset % unit_bytes == 0 ? std::min(std::size_t{state.length()} << unit_bits, map.bytes - offset) : 0;
    if (!state.is_slab() || sizes.words[state.size_class()] == 0) return 0;
    std::size_t const size = sizes.size[state.size_class()];
    std::uint32_t const index = sizes.index(state.size_class(), offset % unit_bytes);
    if (index * size != offset % unit_bytes) return 0;
    return (used(map, unit, index / 64) >> index % 64 & 1) != 0 ? size : 0;
  }

  static bool is_allocated(heap_map const& map, void const* block) noexcept { return block_bytes(map, block) != 0; }

 private:
  static std::uint64_t used(heap_map const& map, std::uint32_t unit, std::uint32_t w) noexcept {
    slab_descriptor const& slab = map.descriptors[unit];
    return slab.local[w].load(std::memory_order_acquire) ^ slab.remote[w].load(std::memory_order_acquire);
  }

  static void add_slab(heap_statistics& sum, heap_map const& map, std::uint32_t unit, unit_state state) noexcept {
    std::size_t blocks = 0;
    for (std::uint32_t w = 0; w < sizes.words[state.size_class()]; ++w) {
      blocks += static_cast<std::size_t>(std::popcount(used(map, unit, w) & sizes.valid(state.size_class(), w)));
    }
    sum.live_blocks += blocks;
    sum.live_bytes += blocks * sizes.size[state.size_class()];
    ++sum.slabs;
    if (owner_has_ended(map, state.owner())) ++sum.abandoned_slabs;
  }

  static void add_big_block(heap_statistics& sum, heap_map const& map, unit_state state) noexcept {
    std::size_t const bytes = std::size_t{state.length()} << unit_bits;
    ++sum.live_blocks;
    sum.live_bytes += bytes;
    ++sum.big_blocks;
    sum.big_bytes += bytes;
    if (!owner_has_ended(map, state.owner())) return;
    ++sum.inherited_blocks;
    sum.inherited_bytes += bytes;
  }

  static bool cursor_is_head(heap_map const& map) noexcept {
    std::uint32_t const cursor = map.header->cursor.load(std::memory_order_relaxed);
    std::uint32_t unit = 0;
    while (unit < cursor && unit < map.top()) unit += map.state(unit, std::memory_order_relaxed).length();
    return unit == cursor;
  }
};

}  // namespace impl
}  // namespace tandem

#endif  // TANDEM_MEMORY_IMPL_HEAP_AUDIT_HPP
