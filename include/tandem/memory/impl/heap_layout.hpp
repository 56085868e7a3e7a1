// SPDX-License-Identifier: BSL-1.0
// How the heap lies in shared memory. All zeros is an empty heap: nobody has to make it, so nobody can die making it.
//
//   | header | state words, 8 bytes a unit | slab descriptors, 1088 bytes a unit | units of 64 KiB ... |
//
// A unit is the head of a free run of units, the head of a big block, or a slab: blocks of one size. Its state word is
// the only truth about it, and changes in one store.
//
// Descriptors lie outside the slabs, so that who writes past the end of a block hits blocks, never the heap. Their
// stride of 17 cache lines, an odd number, spreads them over the sets of the first-level cache.
#ifndef TANDEM_MEMORY_IMPL_HEAP_LAYOUT_HPP
#define TANDEM_MEMORY_IMPL_HEAP_LAYOUT_HPP

#include <algorithm>  // for min
#include <array>      // for array
#include <atomic>     // for atomic
#include <bit>        // for bit_width
#include <cstddef>    // for byte, size_t
#include <cstdint>    // for uint32_t, uint64_t

#include "tandem/memory/impl/token.hpp"  // for token

namespace tandem::impl {

inline constexpr unsigned unit_bits = 16;
inline constexpr std::size_t unit_bytes = std::size_t{1} << unit_bits;
inline constexpr std::size_t largest_small_block = 32768;
inline constexpr std::uint32_t no_unit = ~0U;

/// A unit's state word, by value.
///
///     length in units:23 | owner:32 | size class:7 | kind:2
///
/// The upper half of the size classes is for guarded blocks, which end with a guard_zone. They have slabs of their own:
/// one part of a program may guard its blocks, and another one not.
///
/// The owner's token carries a generation. Without it, a sweeper that was held up between its look and its
/// compare-exchange could take a slab away from the living heir of a dead participant's slot.
struct unit_state {
  enum kinds : std::uint64_t { free = 0, slab = 1, run = 2 };

  static constexpr std::uint32_t guarded = 64;                           // added to a size class: of guarded blocks
  static constexpr std::size_t most_units = (std::size_t{1} << 23) - 1;  // a heap may have: what a length can say

  std::uint64_t word;

  static constexpr unit_state free_run(std::uint32_t length) noexcept { return make(free, 0, 0, length); }
  static constexpr unit_state big_block(token owner, std::uint32_t length) noexcept {
    return make(run, 0, owner, length);
  }
  static constexpr unit_state guarded_big_block(token owner, std::uint32_t length) noexcept {
    return make(run, guarded, owner, length);
  }
  /// Size class 0 is a raw slab: its bitmaps mean nothing yet.
  static constexpr unit_state slab_of(std::uint32_t size_class, token owner) noexcept {
    return make(slab, size_class, owner, 1);
  }

  constexpr bool is_free() const noexcept { return (word & 3) == free; }
  constexpr bool is_slab() const noexcept { return (word & 3) == slab; }
  constexpr bool is_big_block() const noexcept { return (word & 3) == run; }
  constexpr std::uint32_t size_class() const noexcept { return static_cast<std::uint32_t>(word >> 2 & 127); }
  constexpr bool is_guarded() const noexcept { return size_class() >= guarded; }
  constexpr token owner() const noexcept { return static_cast<token>(word >> 9); }
  constexpr std::uint32_t length() const noexcept { return static_cast<std::uint32_t>(word >> 41); }

  /// The same for every slab of one owner, whatever its size class; zero for nobody's.
  constexpr std::uint64_t slab_tag() const noexcept { return word & 0x1fffffffe03; }

 private:
  static constexpr unit_state make(kinds kind, std::uint32_t size_class, token owner, std::uint32_t length) noexcept {
    return {kind | std::uint64_t{size_class} << 2 | std::uint64_t{owner} << 9 | std::uint64_t{length} << 41};
  }
};

/// The bitmaps of a slab. A block is allocated where its two bits differ.
///
/// `local` is written by the slab's owner alone, with plain stores. All others free a block by one fetch_xor on
/// `remote`. So every change of a block's state is one write of one word, and there is nothing to carry over from one
/// bitmap to the other, which a death could cut in two.
struct slab_descriptor {
  std::atomic<std::uint32_t> node;  // a hint to its owner: where it keeps the slab in its private lists
  std::uint32_t reserved[15];
  std::atomic<std::uint64_t> local[64];
  std::atomic<std::uint64_t> remote[64];
};
static_assert(sizeof(slab_descriptor) == 17 * 64, "a format in shared memory");

struct heap_header {
  alignas(64) std::atomic<std::uint32_t> lock;  // page_lock
  alignas(64) std::atomic<std::uint32_t> top;   // units from here on were never used
  std::atomic<std::uint32_t> cursor;            // where the next search for a free run starts: always the head of a run
  alignas(64) std::atomic<std::uint32_t> swept;  // participants::deaths() at the start of the last whole sweep
  std::atomic<std::uint32_t> swept_top;          // `top` then
  std::atomic<std::uint32_t> adopted;            // slabs taken over from the dead, so far
  std::atomic<std::uint32_t> stolen;             // times that the lock was taken from the dead
};
static_assert(sizeof(heap_header) == 192, "a format in shared memory");

/// Sizes in steps of 16 bytes up to 512, then four to each doubling up to 32 KiB; the same again for guarded blocks.
/// The tables have an entry for whatever a state word can say; what is no size class is empty.
struct size_classes {
  static constexpr std::uint32_t count = 57;  // of them, number 0 stands for none
  static constexpr std::uint32_t slots = 2 * unit_state::guarded;

  std::array<std::uint32_t, slots> size{};        // of a block, in bytes
  std::array<std::uint32_t, slots> reciprocal{};  // offset * reciprocal >> 32 is offset / size
  std::array<std::uint32_t, slots> words{};       // of a bitmap
  std::array<std::uint64_t, slots> last_word{};   // which bits of the last one stand for blocks

  constexpr size_classes() noexcept {
    for (std::uint32_t c = 1; c < slots; ++c) {
      std::uint32_t const k = c % unit_state::guarded;
      if (k == 0 || k >= count) continue;
      std::uint32_t const bytes = k <= 32 ? k * 16 : (128U << (k - 33) / 4) * (5 + (k - 33) % 4);
      std::uint32_t const blocks = static_cast<std::uint32_t>(unit_bytes) / bytes;
      size[c] = bytes;
      reciprocal[c] = static_cast<std::uint32_t>(((std::uint64_t{1} << 32) + bytes - 1) / bytes);
      words[c] = (blocks + 63) / 64;
      last_word[c] = blocks % 64 == 0 ? ~std::uint64_t{0} : (std::uint64_t{1} << blocks % 64) - 1;
    }
  }

  /// The smallest class, not guarded, that holds `bytes`. @pre bytes <= largest_small_block
  static constexpr std::uint32_t of(std::size_t bytes) noexcept {
    if (bytes <= 512) return bytes == 0 ? 1 : static_cast<std::uint32_t>((bytes + 15) / 16);
    auto const doubling = static_cast<std::uint32_t>(std::bit_width(bytes - 1)) - 10;
    return 33 + doubling * 4 + static_cast<std::uint32_t>((bytes - 1) >> (doubling + 7) & 3);
  }

  /// Which bits of word `w` stand for blocks.
  constexpr std::uint64_t valid(std::uint32_t size_class, std::uint32_t w) const noexcept {
    return w + 1 < words[size_class] ? ~std::uint64_t{0} : w + 1 == words[size_class] ? last_word[size_class] : 0;
  }

  /// Which block of a slab holds its byte `offset`.
  constexpr std::uint32_t index(std::uint32_t size_class, std::size_t offset) const noexcept {
    return static_cast<std::uint32_t>(offset * reciprocal[size_class] >> 32);
  }
};
inline constexpr size_classes sizes{};

/// Who else may hold something of a heap that is not the family's.
class heap_peers {
 public:
  virtual bool has_ended(token who) const noexcept = 0;
  /// How many ends are known: rises.
  virtual std::uint32_t deaths() const noexcept = 0;

 protected:
  ~heap_peers() = default;
};

/// Where the parts of the heap are, in this process's private memory: never read back from the shared one.
struct heap_map {
  heap_header* header = nullptr;
  std::atomic<std::uint64_t>* states = nullptr;
  slab_descriptor* descriptors = nullptr;
  std::byte* units = nullptr;
  std::size_t bytes = 0;              // of all units
  heap_peers const* peers = nullptr;  // of the family's heap: none, its participants are meant

  constexpr std::uint32_t count() const noexcept { return static_cast<std::uint32_t>(bytes >> unit_bits); }

  std::byte* address(std::uint32_t unit) const noexcept { return units + (std::size_t{unit} << unit_bits); }

  /// How far into the units `at` is; at least `bytes` if it is not in them.
  std::size_t offset(void const* at) const noexcept {
    return reinterpret_cast<std::uintptr_t>(at) - reinterpret_cast<std::uintptr_t>(units);
  }

  unit_state state(std::uint32_t unit, std::memory_order order) const noexcept { return {states[unit].load(order)}; }

  /// How many units were ever used.
  std::uint32_t top() const noexcept {
    std::uint32_t const top = header->top.load(std::memory_order_acquire);  // pairs with page_pool's release
    return top < count() ? top : count();
  }
};

/// Lays a heap out in zeroed memory. @pre at is a multiple of the unit (of a page: then blocks are aligned to no more
/// than that); bytes are enough for a few units
inline heap_map map_heap(std::byte* at, std::size_t bytes) noexcept {
  constexpr std::size_t header_space = 4096;
  std::size_t const per_unit = unit_bytes + sizeof(slab_descriptor) + sizeof(std::uint64_t);
  // One unit's worth goes to alignment.
  std::size_t const count = std::min((bytes - header_space - unit_bytes - 64) / per_unit, unit_state::most_units);
  std::size_t const states = header_space;
  std::size_t const descriptors = (states + count * sizeof(std::uint64_t) + 63) / 64 * 64;
  std::size_t const units = (descriptors + count * sizeof(slab_descriptor) + unit_bytes - 1) / unit_bytes * unit_bytes;
  heap_map map;
  map.header = reinterpret_cast<heap_header*>(at);
  map.states = reinterpret_cast<std::atomic<std::uint64_t>*>(at + states);
  map.descriptors = reinterpret_cast<slab_descriptor*>(at + descriptors);
  map.units = at + units;
  map.bytes = count * unit_bytes;
  return map;
}

}  // namespace tandem::impl

#endif  // TANDEM_MEMORY_IMPL_HEAP_LAYOUT_HPP
