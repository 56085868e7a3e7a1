// SPDX-License-Identifier: BSL-1.0
// Runs of units. The units below `top` are tiled by runs, free and used; a run's first state word, its head, says how
// long it is. What stands in the state words inside a run is left over and means nothing, but is always of the kind
// `free`: a word comes inside a run only by a merge of free ones. So a scan of all words for slabs finds true ones
// only.
//
// Every step leaves a tiling that can be walked, so whoever takes the lock from a dead owner has nothing to repair:
//   split  the head of what is left over is written first, inside the run, where nobody looks; then the new, shorter
//          head in one store
//   merge  the longer length in one store
//   grow   the head is written beyond `top`, where nobody looks; then `top` in one store
//   free   the state word in one store, by the run's owner, without the lock
#ifndef TANDEM_MEMORY_IMPL_HEAP_PAGES_HPP
#define TANDEM_MEMORY_IMPL_HEAP_PAGES_HPP

#include <algorithm>  // for clamp
#include <atomic>     // for atomic
#include <cerrno>     // for errno, ETIMEDOUT
#include <cstdint>    // for uint32_t

#include "tandem/config.hpp"                    // for TANDEM_NOINLINE
#include "tandem/memory/impl/heap_layout.hpp"   // for heap_map, unit_state
#include "tandem/memory/impl/heap_owners.hpp"   // for owner_has_ended
#include "tandem/memory/impl/participants.hpp"  // for participants
#include "tandem/memory/impl/token.hpp"         // for token
#include "tandem/os/clock.hpp"                  // for monotonic_ns
#include "tandem/os/cpu.hpp"                    // for relax
#include "tandem/os/futex.hpp"                  // for futex_wait_either, futex_wake

namespace tandem::impl {

/// Held while the tiling is searched and changed. Its word names the owner, and is taken from an owner that has ended.
class page_lock {
 public:
  page_lock(heap_map const& map, token me) noexcept : map_{map}, header_{*map.header} {
    if (!try_lock(map, me)) wait(me);
  }
  ~page_lock() { unlock(header_); }
  page_lock(page_lock const&) = delete;

  static bool try_lock(heap_map const& map, token me) noexcept {
    std::uint32_t nobody = 0;
    // acquire: pairs with the release in unlock; the tiling is as the last owner left it
    return map.header->lock.compare_exchange_strong(nobody, me, std::memory_order_acquire, std::memory_order_relaxed);
  }

  static void unlock(heap_header& header) noexcept {
    // release: pairs with the acquire of the next owner. Wakes all: one that is woken alone may die before it locks.
    if ((header.lock.exchange(0, std::memory_order_release) & sleepers) != 0) os::futex_wake(&header.lock);
  }

 private:
  static constexpr std::uint32_t sleepers = 1U << 31;  // no token has this bit
  static constexpr int spins = 100;
  static constexpr std::int64_t slice_ns = 20'000'000;  // bounds what a death can cost that leaves no wake-up behind

  TANDEM_NOINLINE void wait(token me) noexcept {
    for (int looks = 0;; ++looks) {
      std::uint32_t seen = header_.lock.load(std::memory_order_relaxed);
      token const owner = seen & ~sleepers;
      if (owner == 0) {
        // acquire: as in try_lock
        if (header_.lock.compare_exchange_strong(seen, me | (seen & sleepers), std::memory_order_acquire)) return;
      } else if (owner == me || may_have_ended(owner, looks)) {  // who waits holds nothing: a scribbler wrote our name
        // acquire: has_ended has made the dead owner's last steps visible. The sleepers stay: we shall wake them.
        if (header_.lock.compare_exchange_strong(seen, me | (seen & sleepers), std::memory_order_acquire)) {
          header_.stolen.fetch_add(1, std::memory_order_relaxed);
          return;
        }
      } else if (looks < spins) {
        os::relax();
      } else {
        sleep(seen, owner);
      }
    }
  }

  /// A look at one word, where the owner has one; a system call, after some patience, where not.
  bool may_have_ended(token owner, int looks) const noexcept {
    return (map_.peers == nullptr || looks >= spins) && owner_has_ended(map_, owner);
  }

  void sleep(std::uint32_t seen, token owner) noexcept {
    if ((seen & sleepers) == 0) {
      // relaxed: the futex looks at the word again before it sleeps
      if (!header_.lock.compare_exchange_strong(seen, seen | sleepers, std::memory_order_relaxed)) return;
      seen |= sleepers;
    }
    if (map_.peers != nullptr) {
      os::futex_wait(&header_.lock, seen, os::monotonic_ns() + slice_ns);
      return;
    }
    std::uint32_t const life = participants::word(owner);
    if (participants::has_ended(owner)) return;  // after the look at its word: so that was the word of a living one
    int const woken =
        os::futex_wait_either(&header_.lock, seen, participants::word_of(owner), life, os::monotonic_ns() + slice_ns);
    if (woken < 0 && errno == ETIMEDOUT) participants::prove_ended(owner);
  }

  heap_map const& map_;
  heap_header& header_;
};

class page_pool {
 public:
  /// A run of made.length() units, whose head becomes `made`; no_unit where the search, which is short, finds none.
  /// @pre the caller holds the lock
  static std::uint32_t take_free(heap_map const& map, unit_state made) noexcept {
    return search(map, made, most_heads, map.header->cursor.load(std::memory_order_relaxed));
  }

  /// The same from the units that were never used; no_unit where there are too few.
  static std::uint32_t take_fresh(heap_map const& map, unit_state made) noexcept {
    std::uint32_t const top = map.top();
    if (made.length() > map.count() - top) return no_unit;
    map.states[top].store(made.word, std::memory_order_relaxed);  // beyond the top: nobody looks there yet
    // release: pairs with the acquire in heap_map::top; whoever sees the new top sees the head below it
    map.header->top.store(top + made.length(), std::memory_order_release);
    return top;
  }

  /// The same after a look at every run: the last resort.
  static std::uint32_t take_any(heap_map const& map, unit_state made) noexcept {
    return search(map, made, map.count(), 0);
  }

  /// Gives a run back. Does not wait: where the lock is not free, the next search just does not start here.
  /// @pre its head is a slab of the caller's, or a big block that the caller frees
  static void give(heap_map const& map, token me, std::uint32_t unit, std::uint32_t length) noexcept {
    bool const locked = me != 0 && page_lock::try_lock(map, me);
    // release: pairs with the acquire in search; our last accesses come before the next owner's first
    map.states[unit].store(unit_state::free_run(length).word, std::memory_order_release);
    if (!locked) return;
    map.header->cursor.store(unit, std::memory_order_relaxed);  // its pages are warm
    page_lock::unlock(*map.header);
  }

 private:
  static constexpr std::uint32_t most_heads = 256;

  static std::uint32_t search(heap_map const& map, unit_state made, std::uint32_t heads, std::uint32_t at) noexcept {
    std::uint32_t const top = map.top(), wanted = made.length();
    if (at >= top) at = 0;
    for (std::uint32_t passed = 0; passed < top && heads != 0; --heads) {
      unit_state const head = map.state(at, std::memory_order_acquire);  // pairs with the release in give
      std::uint32_t length = length_at(head, top - at);
      if (head.is_free()) {
        length = merge(map, at, length, wanted, top);
        if (length >= wanted) {
          if (length > wanted) {  // still inside the run: nobody looks there before the next line but one
            map.states[at + wanted].store(unit_state::free_run(length - wanted).word, std::memory_order_relaxed);
          }
          map.header->cursor.store(at, std::memory_order_relaxed);
          map.states[at].store(made.word, std::memory_order_release);  // pairs with the acquire of a sweep
          return at;
        }
      }
      passed += length;
      at = length == top - at ? 0 : at + length;
    }
    map.header->cursor.store(at, std::memory_order_relaxed);  // the next search looks further on
    return no_unit;
  }

  /// Adds the free runs behind the one at `at` to it until it is long enough, or no more follow. Returns its length.
  static std::uint32_t merge(heap_map const& map, std::uint32_t at, std::uint32_t length, std::uint32_t wanted,
                             std::uint32_t top) noexcept {
    while (length < wanted && length < top - at) {
      unit_state const next = map.state(at + length, std::memory_order_acquire);  // pairs with the release in give
      if (!next.is_free()) break;
      // Before the length grows: the cursor may stand on the head that is swallowed, and whoever takes the lock from
      // us, dead, would start to walk there.
      map.header->cursor.store(at, std::memory_order_relaxed);
      length += length_at(next, top - at - length);
      // release: carries the orders of the runs that were swallowed over to who searches next
      map.states[at].store(unit_state::free_run(length).word, std::memory_order_release);
    }
    return length;
  }

  /// What a head says, within what can be: a scribbler may have been there.
  static std::uint32_t length_at(unit_state head, std::uint32_t most) noexcept {
    return std::clamp(head.length(), 1U, most);
  }
};

}  // namespace tandem::impl

#endif  // TANDEM_MEMORY_IMPL_HEAP_PAGES_HPP
