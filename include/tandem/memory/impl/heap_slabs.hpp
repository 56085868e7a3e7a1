// SPDX-License-Identifier: BSL-1.0
// Slabs: units of blocks of one size, each owned by one participant, which alone allocates from it.
//
// Which slabs an owner has, and where it takes its next block, is kept in its private memory. When it dies, its slabs
// are adopted: a compare-exchange of the state word, from the dead owner's name to the adopter's, is all there is to
// it.
#ifndef TANDEM_MEMORY_IMPL_HEAP_SLABS_HPP
#define TANDEM_MEMORY_IMPL_HEAP_SLABS_HPP

#include <algorithm>  // for max
#include <atomic>     // for atomic, atomic_signal_fence
#include <cstddef>    // for size_t
#include <cstdint>    // for uint32_t, uint64_t
#include <new>        // for bad_alloc

#include "tandem/config.hpp"                    // for TANDEM_NOINLINE
#include "tandem/memory/impl/heap_cache.hpp"    // for heap_cache, current_word
#include "tandem/memory/impl/heap_layout.hpp"   // for heap_map, map_heap, sizes, unit_state
#include "tandem/memory/impl/heap_owners.hpp"   // for owner_has_ended, deaths_of_owners
#include "tandem/memory/impl/heap_pages.hpp"    // for page_lock, page_pool
#include "tandem/memory/impl/heap_rings.hpp"    // for slab_rings
#include "tandem/memory/impl/participants.hpp"  // for participants
#include "tandem/memory/impl/region.hpp"        // for family

namespace tandem::impl {

class slabs {
 public:
  /// The calling thread's cache, in use from here on. @throws std::system_error where the thread cannot be enrolled
  static heap_cache& enter() {
    token const me = participants::self();
    self_page& own = participants::own();
    heap_cache& cache = own.heap;
    if (cache.tag == 0) {
      cache.map = map_heap(family().heap, family().heap_bytes);
      cache.me = me;
      cache.tag = unit_state::slab_of(0, me).slab_tag();
      own.leave_heap = &leave;
    }
    return cache;
  }

  /// Makes a word with free blocks the current one of its size class. @throws std::bad_alloc where there is no room
  static current_word& refill(heap_cache& cache, std::uint32_t size_class) {
    current_word& current = cache.current[size_class];
    if (current.local != nullptr && aim_at_rest(cache, size_class)) return current;
    sweep_after_deaths(cache);
    if (aim_at_next(cache, size_class, slabs_looked_at)) return current;
    std::uint32_t unit = take_spare(cache);
    if (unit == no_unit) unit = take(cache, unit_state::slab_of(0, cache.me));
    if (unit == no_unit) unit = take_spare(cache);  // the sweep before giving up may have found some
    if (unit == no_unit) {
      if (aim_at_next(cache, size_class, slab_rings::size(cache, current.slabs))) return current;  // or this
      throw std::bad_alloc();
    }
    format(cache, size_class, unit);
    slab_rings::insert(cache, current.slabs, unit);
    aim(cache, size_class, unit, 0);
    return current;
  }

  /// A big block, in this state. @throws std::bad_alloc where there is no room
  static std::uint32_t take_run(heap_cache& cache, unit_state made) {
    std::uint32_t const unit = take(cache, made);
    if (unit == no_unit) throw std::bad_alloc();
    return unit;
  }

  /// After a local free that left a word without a block: puts the slab away if all its words are so.
  TANDEM_NOINLINE static void put_away_if_empty(heap_cache& cache, std::uint32_t size_class,
                                                std::uint32_t unit) noexcept {
    current_word& current = cache.current[size_class];
    if (is_current(cache, current, unit) || !is_empty(cache.map, size_class, unit)) return;
    std::uint32_t const node = slab_rings::find(cache, current.slabs, unit);
    if (node == 0) return;
    slab_rings::remove(cache, current.slabs, node);
    put_away(cache, unit);
  }

  /// Adopts the slabs of all that have ended. One look at each state word, and one compare-exchange for each slab.
  TANDEM_NOINLINE static void sweep(heap_cache& cache) noexcept {
    std::uint32_t const deaths = deaths_of_owners(cache.map);
    // Below the top only: a state word is written beyond it before the top moves, and may be written again.
    std::uint32_t const top = cache.map.top();
    token living = cache.me, ended = 0;
    for (std::uint32_t unit = 0; unit < top; ++unit) {
      // acquire: pairs with the release in format; a slab with a class has its bitmaps
      unit_state const state = cache.map.state(unit, std::memory_order_acquire);
      if (state.is_big_block() && state.length() > 1) unit += state.length() - 1;
      if (!state.is_slab()) continue;
      token const owner = state.owner();
      if (owner == living) continue;
      if (owner != ended) {
        // Asked of each word's owner, generation and all: a list of the dead, made before, would be out of date.
        (owner_has_ended(cache.map, owner) ? ended : living) = owner;
        if (owner != ended) continue;
      }
      adopt(cache, unit, state);
    }
    cache.map.header->swept_top.store(top, std::memory_order_relaxed);
    // release: only after a whole sweep. A sweeper that dies in between leaves the number old, and the next one sweeps.
    cache.map.header->swept.store(deaths, std::memory_order_release);
  }

  /// Gives what is empty back; the rest is ready for adoption when this participant has ended.
  static void leave(heap_cache& cache) noexcept {
    give_spares(cache, 0);
    for (std::uint32_t size_class = 1; size_class < sizes.slots; ++size_class) {
      std::uint32_t& ring = cache.current[size_class].slabs;
      while (ring != 0) {
        std::uint32_t const unit = slab_rings::remove(cache, ring, ring);
        if (is_empty(cache.map, size_class, unit)) page_pool::give(cache.map, cache.me, unit, 1);
      }
    }
    slab_rings::release(cache);
  }

  /// Gives back to all participants what this one has no block in.
  static void trim(heap_cache& cache) noexcept {
    sweep_after_deaths(cache);
    for (std::uint32_t size_class = 1; size_class < sizes.slots; ++size_class) {
      current_word& current = cache.current[size_class];
      std::uint32_t node = current.slabs;
      for (std::uint32_t left = slab_rings::size(cache, node); left != 0; --left) {
        std::uint32_t const next = cache.nodes[node].next, unit = cache.nodes[node].unit;
        if (is_empty(cache.map, size_class, unit)) {
          if (is_current(cache, current, unit)) current = {0, nullptr, nullptr, 0, current.slabs};
          slab_rings::remove(cache, current.slabs, node);
          page_pool::give(cache.map, cache.me, unit, 1);
        }
        node = next;
      }
    }
    give_spares(cache, 0);
  }

  static bool is_empty(heap_map const& map, std::uint32_t size_class, std::uint32_t unit) noexcept {
    slab_descriptor const& slab = map.descriptors[unit];
    for (std::uint32_t w = 0; w < sizes.words[size_class]; ++w) {
      // acquire: pairs with the freers' fetch_xor, which is their last touch of the slab
      if (slab.local[w].load(std::memory_order_relaxed) != slab.remote[w].load(std::memory_order_acquire)) return false;
    }
    return true;
  }

 private:
  static constexpr std::uint32_t most_spares = 16, kept_spares = 8;
  static constexpr std::uint32_t slabs_looked_at = 8;

  static std::uint32_t unit_of(heap_cache const& cache, current_word const& current) noexcept {
    return static_cast<std::uint32_t>(cache.map.offset(current.first) >> unit_bits);
  }

  static bool is_current(heap_cache const& cache, current_word const& current, std::uint32_t unit) noexcept {
    return current.local != nullptr && unit_of(cache, current) == unit;
  }

  /// Makes word `w` of a slab the current one, unless it is full.
  static bool aim(heap_cache& cache, std::uint32_t size_class, std::uint32_t unit, std::uint32_t w) noexcept {
    slab_descriptor& slab = cache.map.descriptors[unit];
    // acquire: pairs with the fetch_xor of whoever freed a block from afar; its accesses come before the next owner's
    std::uint64_t const used =
        slab.local[w].load(std::memory_order_relaxed) ^ slab.remote[w].load(std::memory_order_acquire);
    std::uint64_t const available = ~used & sizes.valid(size_class, w);
    if (available == 0) return false;
    current_word& current = cache.current[size_class];
    current.available = available;
    current.local = &slab.local[w];
    current.first = cache.map.address(unit) + std::size_t{w} * 64 * sizes.size[size_class];
    current.size = sizes.size[size_class];
    return true;
  }

  static bool aim_at_rest(heap_cache& cache, std::uint32_t size_class) noexcept {
    current_word const& current = cache.current[size_class];
    std::uint32_t const unit = unit_of(cache, current), words = sizes.words[size_class];
    auto w = static_cast<std::uint32_t>(current.local - cache.map.descriptors[unit].local);
    for (std::uint32_t i = 0; i < words; ++i) {
      w = w + 1 < words ? w + 1 : 0;
      if (aim(cache, size_class, unit, w)) return true;
    }
    return false;
  }

  /// Looks at some of the slabs of a size, at others each time: so what was freed from afar is found, at a bounded
  /// cost.
  static bool aim_at_next(heap_cache& cache, std::uint32_t size_class, std::uint32_t looks) noexcept {
    std::uint32_t& ring = cache.current[size_class].slabs;
    std::uint32_t const first = ring;
    for (; looks != 0 && ring != 0; --looks) {
      std::uint32_t const unit = cache.nodes[ring].unit;
      ring = cache.nodes[ring].next;
      for (std::uint32_t w = 0; w < sizes.words[size_class]; ++w) {
        if (aim(cache, size_class, unit, w)) return true;
      }
      if (ring == first) break;
    }
    return false;
  }

  static void format(heap_cache& cache, std::uint32_t size_class, std::uint32_t unit) noexcept {
    auto& state = cache.map.states[unit];
    slab_descriptor& slab = cache.map.descriptors[unit];
    // Raw first: who adopts the slab from us, dead in the middle, must not trust its bitmaps.
    state.store(unit_state::slab_of(0, cache.me).word, std::memory_order_relaxed);
    std::atomic_signal_fence(std::memory_order_seq_cst);  // a death shows a thread's stores in their program order
    for (std::uint32_t w = 0; w < sizes.words[size_class]; ++w) {
      slab.local[w].store(0, std::memory_order_relaxed);
      slab.remote[w].store(0, std::memory_order_relaxed);
    }
    // release: pairs with the acquire in sweep
    state.store(unit_state::slab_of(size_class, cache.me).word, std::memory_order_release);
  }

  static void adopt(heap_cache& cache, std::uint32_t unit, unit_state state) noexcept {
    std::uint32_t const size_class = state.size_class();
    // acq_rel: what its former owner did with the slab is visible here, and to whoever adopts it from us
    if (!cache.map.states[unit].compare_exchange_strong(state.word, unit_state::slab_of(size_class, cache.me).word,
                                                        std::memory_order_acq_rel, std::memory_order_relaxed)) {
      return;
    }
    cache.map.header->adopted.fetch_add(1, std::memory_order_relaxed);
    if (sizes.words[size_class] == 0 || is_empty(cache.map, size_class, unit)) {
      put_away(cache, unit);
    } else {
      slab_rings::insert(cache, cache.current[size_class].slabs, unit);
    }
  }

  static void put_away(heap_cache& cache, std::uint32_t unit) noexcept {
    if (!slab_rings::insert(cache, cache.spare, unit)) {
      page_pool::give(cache.map, cache.me, unit, 1);
    } else if (++cache.spares > most_spares) {
      give_spares(cache, kept_spares);
    }
  }

  static void give_spares(heap_cache& cache, std::uint32_t kept) noexcept {
    while (cache.spares > kept) page_pool::give(cache.map, cache.me, take_spare(cache), 1);
  }

  static std::uint32_t take_spare(heap_cache& cache) noexcept {
    if (cache.spare == 0) return no_unit;
    --cache.spares;
    return slab_rings::remove(cache, cache.spare, cache.nodes[cache.spare].previous);  // the last: its pages are warm
  }

  static std::uint32_t take(heap_cache& cache, unit_state made) noexcept {
    {
      page_lock const lock{cache.map, cache.me};
      std::uint32_t const unit = page_pool::take_free(cache.map, made);
      if (unit != no_unit) return unit;
    }
    sweep_before_growth(cache);
    if (made.is_slab() && cache.spare != 0) return take_spare(cache);
    {
      page_lock const lock{cache.map, cache.me};
      std::uint32_t const unit = page_pool::take_fresh(cache.map, made);
      if (unit != no_unit) return unit;
    }
    sweep(cache);
    give_spares(cache, 0);
    page_lock const lock{cache.map, cache.me};
    return page_pool::take_any(cache.map, made);
  }

  static void sweep_after_deaths(heap_cache& cache) noexcept {
    // acquire: pairs with the release in sweep. One sweep serves all participants.
    if (cache.map.header->swept.load(std::memory_order_acquire) != deaths_of_owners(cache.map)) sweep(cache);
  }

  /// A death that nobody has noticed raises no counter. So there is a look now and then, before the heap grows: its
  /// cost is a small part of what the growth costs.
  static void sweep_before_growth(heap_cache& cache) noexcept {
    std::uint32_t const top = cache.map.top();
    std::uint32_t const swept_top = cache.map.header->swept_top.load(std::memory_order_relaxed);
    if (top >= swept_top + std::max(16U, swept_top / 8)) sweep(cache);
  }
};

}  // namespace tandem::impl

#endif  // TANDEM_MEMORY_IMPL_HEAP_SLABS_HPP
