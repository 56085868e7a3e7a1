// SPDX-License-Identifier: BSL-1.0
// The ring of a bounded_queue: a Vyukov ring without a head and a tail that could be wrong, made for participants that
// die.
//
// Elements are claimed in order: one looks at position p only after p - 1 was seen to be claimed, and so for taking.
// Hence "claimed" and "taken" are prefixes, and where they end needs to be written down nowhere: each participant keeps
// cursors of its own, and what it finds in a slot tells it how far the others have got. Two hints, written every 32
// elements, are for those who come late.
//
// A dead one's claim blocks exactly those who have to pass it: they undo it there (slot.hpp). A maker that died leaves
// poison and not an empty slot of the next round: that would say "taken" of a position whose predecessors are not.
#ifndef TANDEM_QUEUE_IMPL_RING_HPP
#define TANDEM_QUEUE_IMPL_RING_HPP

#include <atomic>   // for atomic
#include <cstddef>  // for size_t
#include <cstdint>  // for int32_t, uint32_t, uint64_t
#include <memory>   // for construct_at

#include "tandem/memory/commons.hpp"               // for commons
#include "tandem/memory/impl/participants.hpp"     // for participants
#include "tandem/memory/impl/token.hpp"            // for token
#include "tandem/queue/impl/element.hpp"           // for element, is_in_place
#include "tandem/queue/impl/position.hpp"          // for position
#include "tandem/queue/impl/slot.hpp"              // for poison, slot, slot_state, slot_word
#include "tandem/queue/impl/step.hpp"              // for step
#include "tandem/sync/impl/light_event_count.hpp"  // for light_event_count

namespace tandem::impl {

/// What becomes of an element whose taker died: it is gone; or its claim stays, until somebody adopts it.
enum class dead_claims { undone, kept };

/// Slots in the commons, used by any number of participants at once.
template <class T, dead_claims Dead = dead_claims::undone> class ring {
 public:
  /// @throws std::bad_alloc
  explicit ring(std::uint32_t capacity)
      : slots_(static_cast<slot<T>*>(commons().allocate(bytes(capacity), alignment))), capacity_(capacity) {
    for (std::uint32_t i = 0; i < capacity; ++i) std::construct_at(slots_ + i);
  }
  ring(ring const&) = delete;
  ~ring() {
    for (std::uint32_t i = 0; i < capacity_; ++i) slots_[i].element.discard();
    commons().deallocate(slots_);
  }

  std::uint32_t capacity() const noexcept { return capacity_; }

  /// Where who comes late begins.
  position push_hint() const noexcept { return position(push_hint_.load(std::memory_order_relaxed)); }
  position pop_hint() const noexcept { return position(pop_hint_.load(std::memory_order_relaxed)); }

  /// Puts an element there, unless `stopped()` says, behind the claim, that nothing is to come any more. not_now: full.
  /// @throws what T's codec throws: nothing has come then
  template <class U, class Stopped> step push(position& cursor, U& value, Stopped stopped) {
    for (position at = cursor;;) {
      if (!find_empty(at)) {
        cursor = at;
        return step::not_now;
      }
      auto& here = slots_[at.index()];
      std::uint64_t bits = slot_word(at.round(), 0, slot_state::empty).bits();
      // seq_cst: before the look of `stopped`, whose answer comes before the look of whoever takes the last element
      if (!here.word.compare_exchange_strong(
              bits, slot_word(at.round(), participants::self(), slot_state::writing).bits(), std::memory_order_seq_cst))
        continue;
      cursor = at.next(capacity_);
      if (stopped()) {
        give_up(here, at);
        return step::stopped;
      }
      put(here, at, value);
      light_event_count::publish(here.word, slot_word(at.round(), 0, slot_state::full).bits());
      if (at.index() % hint_every == 0) push_hint_.store(cursor.bits(), std::memory_order_relaxed);
      return step::done;
    }
  }

  /// Gives the next element to `receive`. not_now: nothing has come.
  /// @throws what T's codec, or `receive`, throws: the element is gone then
  template <class Receive> step pop(position& cursor, Receive receive) {
    position at;
    if (!claim(cursor, at)) return step::not_now;
    struct left {
      ring& me;
      position at;
      ~left() { me.empty(at); }
    } const at_end{*this, at};
    receive(element_at(at).take());
    return step::done;
  }

  // ---- a pop in its parts

  /// Claims the next element, to be taken out or read by the caller until it empties the place. False: nothing has
  /// come.
  bool claim(position& cursor, position& claimed) {
    for (position at = cursor;;) {
      if (!find_full(at)) {
        cursor = at;
        return false;
      }
      auto& here = slots_[at.index()];
      std::uint64_t bits = slot_word(at.round(), 0, slot_state::full).bits();
      // acquire: the element is whole, and this one's
      if (!here.word.compare_exchange_strong(bits, reading(at, participants::self()), std::memory_order_acquire))
        continue;
      claimed = at;
      cursor = at.next(capacity_);
      if (at.index() % hint_every == 0) pop_hint_.store(cursor.bits(), std::memory_order_relaxed);
      return true;
    }
  }

  element<T>& element_at(position claimed) noexcept { return slots_[claimed.index()].element; }

  /// @pre the place is claimed by the caller
  void empty(position claimed) noexcept { light_event_count::publish(slots_[claimed.index()].word, emptied(claimed)); }

  /// Who has claimed what lies at this index, to read it; 0: nobody.
  token reader_at(std::uint32_t index, position& claimed) const noexcept {
    slot_word const seen(slots_[index].word.load(std::memory_order_acquire));
    claimed = position(seen.round(), index);
    return seen.is(slot_state::reading) ? seen.owner() : 0;
  }

  /// Makes the claim of `from` that of `to`. False where it is not his any more.
  bool adopt(position claimed, token from, token to) noexcept {
    std::uint64_t bits = reading(claimed, from);
    // acq_rel: what the one before did with the element is over, and seen
    return slots_[claimed.index()].word.compare_exchange_strong(bits, reading(claimed, to), std::memory_order_acq_rel);
  }

  /// Whether a push, or a pop, from there on would find what it needs.
  bool has_room(position& cursor) { return find_empty(cursor); }
  bool has_next(position& cursor) { return find_full(cursor); }

  /// Whether there is something to take, or somebody is about to make it.
  bool is_claimed(position cursor) const noexcept {
    slot_word const seen(slots_[cursor.index()].word.load(std::memory_order_seq_cst));
    return seen != slot_word(cursor.round(), 0, slot_state::empty) &&
           static_cast<std::int32_t>(seen.round() - cursor.round()) >= 0;
  }

  /// Whether a good part of it is free, for one that met a full ring.
  bool has_ample_room(position cursor) const noexcept {
    position const there = cursor.after(capacity_ / 4, capacity_);
    slot_word const seen(slots_[there.index()].word.load(std::memory_order_relaxed));
    return static_cast<std::int32_t>(seen.round() - there.round()) >= 0;
  }

  /// Whose claim, to be undone where it is dead, a push or a pop that ended with `not_now` waits for; 0: none.
  token waits_for(position cursor) const noexcept {
    slot_word const seen(slots_[cursor.index()].word.load(std::memory_order_acquire));
    bool const undone = seen.is(slot_state::writing) || (Dead == dead_claims::undone && seen.is(slot_state::reading));
    return undone ? seen.owner() : 0;
  }

 private:
  static constexpr int hint_after = 8;
  static constexpr std::uint32_t hint_every = 32;
  static constexpr std::size_t alignment = 64;

  static constexpr std::size_t bytes(std::uint32_t capacity) noexcept { return capacity * sizeof(slot<T>); }

  static void catch_up(position& at, std::atomic<std::uint64_t> const& hint) noexcept {
    position const hinted(hint.load(std::memory_order_relaxed));
    if (at.is_before(hinted)) at = hinted;
  }

  /// Goes on to the first place that nobody has claimed to write in. False where that is not free yet.
  bool find_empty(position& at) {
    for (int looks = 0;; ++looks) {
      if (looks == hint_after) catch_up(at, push_hint_);
      auto& here = slots_[at.index()];
      // acquire: pairs with the release of who took the former element; its use of the slot is over
      slot_word const seen(here.word.load(std::memory_order_acquire));
      if (seen == slot_word(at.round(), 0, slot_state::empty)) return true;
      auto const ahead = static_cast<std::int32_t>(seen.round() - at.round());
      if (ahead < 0) {  // the former round's element is there yet
        if (!undo(here, seen)) return false;
      } else {
        bool const is_next = seen.is(slot_state::empty);  // that round is claimed by nobody; `ahead` is not 0 then
        at = position(seen.round() - (is_next ? 1 : 0), at.index()).next(capacity_);
      }
    }
  }

  /// Goes on to the first place that nobody has claimed to read from. False where nothing has come there.
  bool find_full(position& at) {
    for (int looks = 0;; ++looks) {
      if (looks == hint_after) catch_up(at, pop_hint_);
      auto& here = slots_[at.index()];
      // acquire: pairs with the release of the maker
      slot_word const seen(here.word.load(std::memory_order_acquire));
      if (seen == slot_word(at.round(), 0, slot_state::full)) return true;
      auto const ahead = static_cast<std::int32_t>(seen.round() - at.round());
      if (ahead > 0) {
        at = position(seen.round() - 1, at.index()).next(capacity_);  // the round before was taken
      } else if (ahead == 0 && seen.is(slot_state::reading)) {
        at = at.next(capacity_);
      } else if (ahead == 0 && seen.is_poison()) {
        drop_poison(here, at, seen);
      } else if (!undo(here, seen)) {
        return false;
      }
    }
  }

  static std::uint64_t emptied(position at) noexcept { return slot_word(at.round() + 1, 0, slot_state::empty).bits(); }

  template <class U> void put(slot<T>& here, position at, U& value) {
    if constexpr (noexcept(here.element.put(value))) {
      here.element.put(value);
    } else {
      try {
        here.element.put(value);
      } catch (...) {
        give_up(here, at);
        throw;
      }
    }
  }

  static std::uint64_t reading(position at, token owner) noexcept {
    return slot_word(at.round(), owner, slot_state::reading).bits();
  }

  static void give_up(slot<T>& here, position at) noexcept {
    here.word.store(slot_word(at.round(), poison, slot_state::full).bits(), std::memory_order_release);
  }

  /// Takes away what a dead maker has left: where there may be a block to free, alone.
  void drop_poison(slot<T>& here, position at, slot_word seen) {
    std::uint64_t bits = seen.bits();
    if constexpr (is_in_place<T>) {
      here.word.compare_exchange_strong(bits, emptied(at), std::memory_order_seq_cst);
    } else if (here.word.compare_exchange_strong(bits, reading(at, participants::self()), std::memory_order_acquire)) {
      here.element.discard();
      empty(at);
    }
  }

  /// Undoes the claim of one that has ended; false where there is none.
  bool undo(slot<T>& here, slot_word seen) {
    if (Dead == dead_claims::kept && seen.is(slot_state::reading)) return false;
    std::uint64_t bits = seen.bits();
    bool const makes = seen.is(slot_state::writing);
    if ((!makes && !seen.is(slot_state::reading)) || !participants::has_ended(seen.owner())) return false;
    position const at(seen.round(), 0);
    if (makes) {
      here.word.compare_exchange_strong(bits, slot_word(seen.round(), poison, slot_state::full).bits(),
                                        std::memory_order_acq_rel);
    } else if (here.word.compare_exchange_strong(
                   bits, slot_word(seen.round(), participants::self(), slot_state::reading).bits(),
                   std::memory_order_acq_rel)) {
      here.element.discard();
      light_event_count::publish(here.word, emptied(at));
    }
    return true;
  }

  slot<T>* slots_;
  std::uint32_t capacity_;
  alignas(64) std::atomic<std::uint64_t> push_hint_{0};
  alignas(64) std::atomic<std::uint64_t> pop_hint_{0};
};

/// Destroys what is left in it.
template <class T, dead_claims Dead> void discard_all(ring<T, Dead>& elements) {
  position at = elements.pop_hint();
  for (;;) {
    try {
      if (elements.pop(at, [](T const&) {}) != step::done) return;
    } catch (...) {}  // an element that cannot be decoded is gone as well
  }
}

}  // namespace tandem::impl

#endif  // TANDEM_QUEUE_IMPL_RING_HPP
