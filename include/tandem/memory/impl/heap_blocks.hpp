// SPDX-License-Identifier: BSL-1.0
// Allocating and freeing a block: the two paths that everybody takes. Each commits by one write of one word, so a death
// between any two instructions leaves the state before or the state after.
//
//   allocate     the lowest bit of the current word, in private memory; a plain store to its `local`
//   free, own    a plain store to `local`; the block is the next to be handed out if its word is the current one
//   free, far    one fetch_xor on `remote`
//
// No path waits for another participant, but for the lock of the page pool, where fresh units are needed.
#ifndef TANDEM_MEMORY_IMPL_HEAP_BLOCKS_HPP
#define TANDEM_MEMORY_IMPL_HEAP_BLOCKS_HPP

#include <atomic>   // for atomic
#include <bit>      // for countr_zero, has_single_bit
#include <cstddef>  // for byte, size_t
#include <cstdint>  // for uint32_t, uint64_t
#include <new>      // for bad_alloc

#include "tandem/config.hpp"                    // for TANDEM_CHECKED, TANDEM_NOINLINE, TANDEM_PRECONDITION
#include "tandem/memory/impl/guard_zone.hpp"    // for guard_zone, guards_blocks
#include "tandem/memory/impl/heap_cache.hpp"    // for heap_cache, current_word
#include "tandem/memory/impl/heap_layout.hpp"   // for heap_map, map_heap, sizes, unit_state
#include "tandem/memory/impl/heap_pages.hpp"    // for page_pool
#include "tandem/memory/impl/heap_slabs.hpp"    // for slabs
#include "tandem/memory/impl/participants.hpp"  // for participants
#include "tandem/memory/impl/region.hpp"        // for family, family_region

namespace tandem::impl {

class blocks {
 public:
  /// A block for `bytes` bytes, at a multiple of 16. @throws as allocate below
  static void* allocate(std::size_t bytes) {
    if (__builtin_expect(bytes > largest_small_block, 0)) return allocate_big(bytes);
    return allocate_small(size_classes::of(bytes));
  }

  /// A block for `bytes` bytes, at a multiple of `alignment`, a power of two.
  /// @throws std::bad_alloc where there is no room, or for an alignment above 64 KiB
  /// @throws std::system_error where the calling thread cannot be enrolled, in its first call
  static void* allocate(std::size_t bytes, std::size_t alignment) {
    return __builtin_expect(alignment <= 16, 1) ? allocate(bytes) : allocate_aligned(bytes, alignment);
  }

  /// Frees a block that any participant has allocated. Nothing happens for nullptr.
  static void deallocate(void* block) noexcept {
    heap_cache& cache = participants::own().heap;
    std::size_t const offset = cache.map.offset(block);
    if (__builtin_expect(offset >= cache.map.bytes, 0)) return deallocate_first(block);
    deallocate_in(cache, offset);
  }

  /// The same, with a guard zone behind its bytes, which is looked at when it is freed.
  static void* allocate_guarded(std::size_t bytes, std::size_t alignment) {
    return allocate_guarded(slabs::enter(), bytes, alignment);
  }

  /// The same from a heap that has a cache for its caller: one at a time. @throws std::bad_alloc
  static void* allocate_from(heap_cache& cache, std::size_t bytes, std::size_t alignment) {
    if constexpr (guards_blocks) {
      return allocate_guarded(cache, bytes, alignment);
    } else {
      request const wanted(bytes, alignment);
      return wanted.size_class == 0 ? allocate_big(cache, wanted.bytes) : allocate_in(cache, wanted.size_class);
    }
  }
  static void deallocate_to(heap_cache& cache, void* block) noexcept {
    std::size_t const offset = cache.map.offset(block);
    TANDEM_PRECONDITION(offset < cache.map.bytes, "tandem::heap::deallocate: the pointer is not of this heap");
    if (offset < cache.map.bytes) deallocate_in(cache, offset);
  }

  /// What was written behind the end of that block is forgotten: nobody is told of it. @pre it is one of the family's
  static void mend_guard(std::byte* block) noexcept {
    heap_map const all = map();
    auto const unit = static_cast<std::uint32_t>(all.offset(block) >> unit_bits);
    unit_state const state = all.state(unit, std::memory_order_relaxed);
    if (state.is_guarded()) guard_zone::draw(block, 0, size_in(state));
  }

  /// Where the heap of the family is. @pre there is a family
  static heap_map map() noexcept {
    region const& all = family();
    return map_heap(all.heap, all.heap_bytes);
  }

 private:
  /// A block's two bits.
  struct place {
    std::atomic<std::uint64_t>& local;
    std::atomic<std::uint64_t>& remote;
    std::uint64_t bit;
    bool is_start;  // of a block

    place(heap_map const& map, std::uint32_t size_class, std::uint32_t unit, std::size_t offset) noexcept
        : place{map.descriptors[unit], size_class, offset & (unit_bytes - 1)} {}

   private:
    place(slab_descriptor& slab, std::uint32_t size_class, std::size_t offset) noexcept
        : place{slab, sizes.index(size_class, offset), sizes.size[size_class], offset} {}
    place(slab_descriptor& slab, std::uint32_t index, std::size_t size, std::size_t offset) noexcept
        : local{slab.local[index / 64]},
          remote{slab.remote[index / 64]},
          bit{std::uint64_t{1} << index % 64},
          is_start{index * size == offset && size != 0} {}
  };

  /// What serves so many bytes at such an alignment: a size class, or (0) whole units.
  struct request {
    std::size_t bytes;
    std::uint32_t size_class = 0;

    request(std::size_t wanted, std::size_t alignment, bool is_guarded = false) {
      TANDEM_PRECONDITION(std::has_single_bit(alignment),
                          "tandem::heap::allocate: the alignment is not a power of two");
      if (alignment > unit_bytes || wanted > ~std::size_t{0} - alignment - guard_zone::least) throw std::bad_alloc();
      if (is_guarded) wanted += guard_zone::least;
      bytes = wanted == 0 ? alignment : (wanted + alignment - 1) / alignment * alignment;
      if (bytes > largest_small_block) return;
      size_class = size_classes::of(bytes) + (is_guarded ? unit_state::guarded : 0);
      while (sizes.size[size_class] % alignment != 0) ++size_class;  // ends: one class in four is a power of two
    }
  };

  static void check_allocated([[maybe_unused]] place const& at) noexcept {
    TANDEM_PRECONDITION(at.is_start, "tandem::heap::deallocate: the pointer is not the start of a block");
    // relaxed: no order is needed to see a second free by the same thread; between threads it is a race anyway
    TANDEM_PRECONDITION(
        ((at.local.load(std::memory_order_relaxed) ^ at.remote.load(std::memory_order_relaxed)) & at.bit) != 0,
        "tandem::heap::deallocate: the block is free already");
  }

  static void check_guard([[maybe_unused]] heap_map const& map, [[maybe_unused]] unit_state state,
                          [[maybe_unused]] std::size_t offset) noexcept {
    TANDEM_PRECONDITION(!state.is_guarded() || guard_zone::is_whole(map.units + offset, size_in(state)),
                        "tandem::heap::deallocate: somebody has written behind the end of the block");
  }

  /// Of a block in a unit of that state.
  static std::size_t size_in(unit_state state) noexcept {
    return state.is_big_block() ? std::size_t{state.length()} << unit_bits : sizes.size[state.size_class()];
  }

  static void deallocate_in(heap_cache& cache, std::size_t offset) noexcept {
    auto const unit = static_cast<std::uint32_t>(offset >> unit_bits);
    // relaxed: nobody changes the kind or the class of a slab with a live block; its owner, only whoever adopts it
    unit_state const state = cache.map.state(unit, std::memory_order_relaxed);
    if (__builtin_expect(state.slab_tag() != cache.tag, 0)) return deallocate_far(cache.map, cache.me, offset, state);

    place const at{cache.map, state.size_class(), unit, offset};
    check_allocated(at);
    check_guard(cache.map, state, offset);
    // relaxed: `local` is written by this thread alone, and read by others only after its end
    std::uint64_t const now = at.local.load(std::memory_order_relaxed) ^ at.bit;
    at.local.store(now, std::memory_order_relaxed);
    current_word& current = cache.current[state.size_class()];
    if (current.local == &at.local) {
      current.available |= at.bit;
    } else if (__builtin_expect(now == at.remote.load(std::memory_order_relaxed), 0)) {
      slabs::put_away_if_empty(cache, state.size_class(), unit);  // looks again, with acquire
    }
  }

  static void* allocate_small(std::uint32_t size_class) {
    heap_cache& cache = participants::own().heap;
    current_word& current = cache.current[size_class];
    if (__builtin_expect(current.available == 0, 0)) return allocate_after_refill(size_class);
    return take_lowest(current);
  }

  static void* take_lowest(current_word& current) noexcept {
    std::uint64_t const available = current.available;
    auto const bit = static_cast<unsigned>(std::countr_zero(available));
    current.available = available & (available - 1);
    // relaxed: as in deallocate. This store alone makes the block ours.
    current.local->store(current.local->load(std::memory_order_relaxed) ^ std::uint64_t{1} << bit,
                         std::memory_order_relaxed);
    return current.first + std::size_t{bit} * current.size;
  }

  TANDEM_NOINLINE static void* allocate_after_refill(std::uint32_t size_class) {
    return take_lowest(slabs::refill(slabs::enter(), size_class));
  }

  static void* allocate_big(std::size_t bytes) { return allocate_big(slabs::enter(), bytes); }

  TANDEM_NOINLINE static void* allocate_big(heap_cache& cache, std::size_t bytes) {
    return cache.map.address(slabs::take_run(cache, unit_state::big_block(cache.me, length_of(cache, bytes))));
  }

  /// In units. @throws std::bad_alloc where it is more than there are
  static std::uint32_t length_of(heap_cache const& cache, std::size_t bytes) {
    if (bytes > cache.map.bytes) throw std::bad_alloc();
    return static_cast<std::uint32_t>((bytes + unit_bytes - 1) >> unit_bits);
  }

  static void* allocate_in(heap_cache& cache, std::uint32_t size_class) {
    current_word& current = cache.current[size_class];
    return take_lowest(current.available != 0 ? current : slabs::refill(cache, size_class));
  }

  static void* allocate_guarded(heap_cache& cache, std::size_t bytes, std::size_t alignment) {
    request const wanted(bytes, alignment, true);
    if (wanted.size_class != 0) {
      void* const block = allocate_in(cache, wanted.size_class);
      guard_zone::draw(static_cast<std::byte*>(block), bytes, sizes.size[wanted.size_class]);
      return block;
    }
    auto const made = unit_state::guarded_big_block(cache.me, length_of(cache, wanted.bytes));
    std::byte* const block = cache.map.address(slabs::take_run(cache, made));
    guard_zone::draw(block, bytes, size_in(made));
    return block;
  }

  TANDEM_NOINLINE static void* allocate_aligned(std::size_t bytes, std::size_t alignment) {
    request const wanted(bytes, alignment);
    return wanted.size_class == 0 ? allocate_big(wanted.bytes) : allocate_small(wanted.size_class);
  }

  /// The calling thread has not allocated anything yet.
  TANDEM_NOINLINE static void deallocate_first(void* block) noexcept {
    if (block == nullptr) return;
    bool const there = family_region::exists();
    heap_map const all = there ? map() : heap_map{};
    TANDEM_PRECONDITION(all.offset(block) < all.bytes, "tandem::heap::deallocate: the pointer is not of this heap");
    std::size_t const offset = all.offset(block);
    if (offset >= all.bytes) return;
    unit_state const state = all.state(static_cast<std::uint32_t>(offset >> unit_bits), std::memory_order_relaxed);
    deallocate_far(all, participants::self_or_none(), offset, state);
  }

  TANDEM_NOINLINE static void deallocate_far(heap_map const& map, token me, std::size_t offset,
                                             unit_state state) noexcept {
    auto const unit = static_cast<std::uint32_t>(offset >> unit_bits);
    TANDEM_PRECONDITION(!state.is_free(), "tandem::heap::deallocate: the block is free already");
    if (state.is_big_block()) {
      TANDEM_PRECONDITION(offset % unit_bytes == 0,
                          "tandem::heap::deallocate: the pointer is not the start of a block");
      check_guard(map, state, offset);
      page_pool::give(map, me, unit, state.length());
    } else if (state.is_slab()) {
      place const at{map, state.size_class(), unit, offset};
      check_allocated(at);
      check_guard(map, state, offset);
      // release: pairs with the acquire in slabs::aim and is_empty. Our last touch of the slab: from here on its owner
      // may see it empty, and give it away.
      at.remote.fetch_xor(at.bit, std::memory_order_release);
    }
  }
};

}  // namespace tandem::impl

#endif  // TANDEM_MEMORY_IMPL_HEAP_BLOCKS_HPP
