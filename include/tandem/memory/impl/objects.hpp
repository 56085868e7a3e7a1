// SPDX-License-Identifier: BSL-1.0
// The table behind shared<T>: which objects live in the commons, and which processes hold them.
//
// An entry counts per process, not in one sum. Each of its words {member, count} is written by that one process alone
// (or by whoever received what it sent, or, after its death, by whoever buries it), and an object lives as long as any
// word names somebody. So a death
// cannot leave a count wrong: clearing the dead process's words is the whole repair, and may be done twice.
//
// Several holders may let go at once, each seeing the others' words still set or all of them clear. Who finds them all
// clear ends the object by one compare-exchange on `state`, which carries a version that every new holder raises after
// it has set its word: a scan that missed a new holder fails there.
//
// Entries are never used for anything else, so that a stale handle or a lying child can at worst name the wrong object,
// which its type's fingerprint tells.
#ifndef TANDEM_MEMORY_IMPL_OBJECTS_HPP
#define TANDEM_MEMORY_IMPL_OBJECTS_HPP

#include <atomic>   // for atomic
#include <cerrno>   // for ENOMEM
#include <cstddef>  // for byte
#include <cstdint>  // for int64_t, uint32_t, uint64_t
#include <new>      // for bad_alloc
#include <utility>  // for exchange

#include "tandem/memory/impl/free_block.hpp"  // for block_bytes_at, free_block_at
#include "tandem/memory/impl/members.hpp"     // for members
#include "tandem/memory/impl/region.hpp"      // for family
#include "tandem/memory/impl/token.hpp"       // for token
#include "tandem/os/clock.hpp"                // for monotonic_ns
#include "tandem/os/scheduling.hpp"           // for yield

namespace tandem::impl {

/// One object, or a continuation of its list of holders.
struct object_entry {
  enum stage : std::uint64_t { free, making, alive, ending };

  std::atomic<std::uint64_t> state;       // version:32 | maker or ender, of a living one its generation:30 | stage:2
  std::atomic<std::uint64_t> block;       // where the object is: an offset into the region
  std::atomic<std::uint32_t> type;        // fingerprint of its type; 1: a continuation
  std::atomic<std::uint32_t> more;        // the next entry of holders; 0: none. Entry 0 is never used
  std::atomic<std::uint64_t> holders[5];  // member:32 | count:32
};
static_assert(sizeof(object_entry) == object_bytes, "a format in shared memory");

/// Where a handle's count is kept: the entry of the object, and the entry and place of its holder's word.
struct hold {
  std::uint32_t object = 0;  // 0: none
  std::uint32_t place = 0;   // entry * 8 + place, and `none_like_it`

  /// A bit that no address of a program has where the two lie in a word: closures are searched for addresses.
  static constexpr std::uint32_t none_like_it = std::uint32_t{1} << 31;

  explicit operator bool() const noexcept { return object != 0; }
};

/// While it lives, this thread makes the object of that number: for an object that has to know its own.
class object_in_the_making {
 public:
  explicit object_in_the_making(std::uint32_t index) noexcept : before_(std::exchange(current_, index)) {}
  object_in_the_making(object_in_the_making const&) = delete;
  ~object_in_the_making() { current_ = before_; }

  /// 0: none.
  static std::uint32_t current() noexcept { return current_; }

 private:
  static inline constinit thread_local std::uint32_t current_ = 0;

  std::uint32_t before_;
};

class objects {
 public:
  static constexpr std::uint32_t places = 5;
  static constexpr std::uint32_t continuation = 1;  // no type's fingerprint

  static object_entry& at(std::uint32_t index) noexcept {
    region const& all = family();
    return reinterpret_cast<object_entry*>(all.object_table)[index % all.objects];
  }

  /// An entry for an object that `holder` is about to make, in its name. @throws std::bad_alloc where the table is full
  static hold begin(std::uint32_t type, token holder) {
    std::uint32_t const index = claim(holder);
    object_entry& entry = at(index);
    entry.type.store(type, std::memory_order_relaxed);
    members::at(holder).holds.fetch_add(1, std::memory_order_relaxed);
    entry.holders[0].store(word(holder, 1), std::memory_order_relaxed);
    return {index, hold::none_like_it | index * 8};
  }

  /// The object is made: from here on, others may be given a hold on it.
  static void publish(hold made) noexcept {
    object_entry& entry = at(made.object);
    std::uint32_t const now = version(entry.state.load(std::memory_order_relaxed));
    // release: pairs with the acquire in take; the object is whole for whoever sees it alive
    entry.state.store(pack(now, now & most_generation, object_entry::alive), std::memory_order_release);
  }

  /// The object could not be made.
  static void abandon(hold begun, token holder) noexcept {
    end(begun.object);
    members::at(holder).holds.fetch_sub(1, std::memory_order_relaxed);
  }

  /// One more handle in the name of `who`, given by a living handle; `near` is that handle's place, tried first. False
  /// where the object is no more.
  static bool take(hold near, token who, hold& taken) {
    object_entry& given = at(near.object);
    std::atomic<std::uint64_t>& same = holder_word(near);
    std::uint64_t seen = same.load(std::memory_order_relaxed);
    while (holder_of(seen) == who && count_of(seen) != 0) {
      // relaxed: as with any counted pointer, a copy is made from a handle that keeps the object alive
      if (same.compare_exchange_weak(seen, seen + 1, std::memory_order_relaxed)) {
        taken = near;
        return true;
      }
    }
    return take_new(given, near.object, any_generation, who, taken);
  }

  /// Tells a living object from all that had its entry before, or will: its version when it was made, which only grows.
  static std::uint32_t generation(std::uint32_t index) noexcept {
    return generation_of(at(index).state.load(std::memory_order_acquire));
  }

  static bool is_alive(std::uint32_t index, std::uint32_t generation) noexcept {
    std::uint64_t const state = at(index).state.load(std::memory_order_acquire);
    return stage_of(state) == object_entry::alive && generation_of(state) == generation;
  }

  /// A handle in the name of `who` to the object of that generation. False where that one is no more; then `last` says
  /// whether its entry's next object has nobody left but the caller, who must destroy it.
  static bool take_again(std::uint32_t index, std::uint32_t generation, token who, hold& taken, bool& last) {
    last = false;
    if (take_new(at(index), index, generation, who, taken)) return true;
    last = is_last(index, who);  // of the next object: while our word was set, its last holder may have seen it
    return false;
  }

  /// Gives up one handle of `me`, or of the process that is being started in this thread. Does nothing with anybody
  /// else's: the copies that a forked child sees of its parent's handles, and a parent of those it sent. True: it was
  /// the last of all, and the caller must destroy the object and then call `end`.
  static bool drop(hold held, token me, token starting) noexcept {
    std::atomic<std::uint64_t>& word_at = holder_word(held);
    std::uint64_t seen = word_at.load(std::memory_order_relaxed);
    for (;;) {
      token const who = holder_of(seen);
      if (count_of(seen) == 0 || (who != me && (who != starting || starting == 0))) return false;
      std::uint64_t const less = count_of(seen) == 1 ? 0 : seen - 1;
      // release: what was done through this handle comes before the object's end, in is_last
      if (!word_at.compare_exchange_weak(seen, less, std::memory_order_acq_rel)) continue;
      if (less != 0) return false;
      members::at(who).holds.fetch_sub(1, std::memory_order_relaxed);
      return is_last(held.object, who);
    }
  }

  /// Gives up a hold that `sender` has left behind for the caller, who has its own by now or does not want one. An
  /// object that nobody else holds loses its memory, but its destructor does not run.
  static void give_back(hold sent, token sender) noexcept {
    if (drop(sent, sender, 0)) lose(sent.object);
  }

  /// Takes the object's memory out of its entry, so that it is freed once, whoever dies in between; 0 where there is
  /// none.
  static std::uint64_t take_block(std::uint32_t index) noexcept {
    return at(index).block.exchange(0, std::memory_order_acq_rel);
  }

  /// Frees the entry of an object that was destroyed or never made.
  static void end(std::uint32_t index) noexcept {
    object_entry& entry = at(index);
    for (std::uint32_t more = entry.more.exchange(0, std::memory_order_relaxed); more != 0;) {
      std::uint32_t const next = at(more).more.exchange(0, std::memory_order_relaxed);
      vacate(at(more));
      more = next;
    }
    vacate(entry);
  }

  static void* address(std::uint32_t index) noexcept {
    return family().address(at(index).block.load(std::memory_order_acquire));
  }
  static void set_address(std::uint32_t index, void* object) noexcept {
    at(index).block.store(family().offset(object), std::memory_order_release);
  }

  /// How many handles there are, in all processes; other threads and processes may have changed it by the time one
  /// looks.
  static std::uint64_t count(std::uint32_t index) noexcept {
    std::uint64_t sum = 0;
    for_each_word(index,
                  [&sum](std::atomic<std::uint64_t>& held) { sum += count_of(held.load(std::memory_order_relaxed)); });
    return sum;
  }

  /// Gives up all that a dead process held. An object that nobody else holds loses its memory, but its destructor does
  /// not run: its last holder may have died in the middle of changing it. May be called again, by anybody, after a
  /// death in the middle of it.
  static void bury(token dead) noexcept {
    region const& all = family();
    if (members::at(dead).holds.load(std::memory_order_acquire) == 0) return;
    std::uint32_t const top = all.header().object_top.load(std::memory_order_acquire);
    for (std::uint32_t index = 1; index <= top && index < all.objects; ++index) {
      object_entry& entry = at(index);
      std::uint64_t const state = entry.state.load(std::memory_order_acquire);
      if (stage_of(state) == object_entry::free) continue;
      bool const continues = entry.type.load(std::memory_order_relaxed) == continuation;
      if (stage_of(state) != object_entry::alive && maker_of(state) == dead && !(continues && is_linked(index))) {
        lose(index);
        continue;
      }
      for (auto& held : entry.holders) {
        std::uint64_t seen = held.load(std::memory_order_relaxed);
        if (holder_of(seen) == dead && held.compare_exchange_strong(seen, 0, std::memory_order_acq_rel)) {
          std::uint32_t const object = continues ? head_of(entry) : index;
          if (object != 0 && is_last(object, members::self_or_none())) lose(object);
        }
      }
    }
    members::at(dead).holds.store(0, std::memory_order_release);
  }

  /// Buries those of the object's holders that have ended, where nobody has done so yet; and the object, where the last
  /// one died before it could. Without its destructor then, also where its last holder lives and is just about to call
  /// it: for objects whose end tells the caller as much.
  static void bury_dead_holders(std::uint32_t index, std::uint32_t generation) noexcept {
    token const me = members::self_or_none();
    for_each_word(index, [me](std::atomic<std::uint64_t>& one) {
      token const who = holder_of(one.load(std::memory_order_acquire));
      if (who != 0 && who != me && members::is_current(who) && !members::runs(who) && has_ended(who)) bury(who);
    });
    if (is_last(index, me, generation)) lose(index);
  }

  /// A bit in the fingerprints of objects whose first word says where a block is that ends with them, or 0.
  static constexpr std::uint32_t parcel = 4;

  /// Ends an object that the caller holds the last, without its destructor.
  static void lose(std::uint32_t index) noexcept {
    std::uint32_t const type = at(index).type.load(std::memory_order_relaxed);
    std::uint64_t const block = type == continuation ? 0 : take_block(index);
    end(index);
    bool lost = true;
    if (type != continuation && (type & parcel) != 0 && block_bytes_at(block) != 0) {
      auto& content = *reinterpret_cast<std::atomic<std::uint64_t>*>(family().address(block));
      std::uint64_t const elements = content.exchange(0);
      lost = elements != 0;
      free_block_at(elements);
    }
    free_block_at(block);
    if (lost) family().header().lost_objects.fetch_add(1, std::memory_order_relaxed);
  }

  /// The calling process, who may be about to hold something. @throws as members::self
  static token self() { return members::self(&bury_orphan); }

  /// Frees the page of a process whose starter died before it could, and what it held. For members::claim.
  static void bury_orphan(token who) noexcept {
    if (who == 0 || !members::is_current(who) || !members::is_orphaned(who)) return;
    free_block_at(members::at(who).block.exchange(0, std::memory_order_acq_rel));
    bury(who);
    members::release(who);
  }

 private:
  static constexpr std::uint32_t version(std::uint64_t state) noexcept {
    return static_cast<std::uint32_t>(state >> 32);
  }
  static constexpr object_entry::stage stage_of(std::uint64_t state) noexcept {
    return static_cast<object_entry::stage>(state & 3);
  }
  static constexpr std::uint32_t most_generation = 0x3fffffff, any_generation = ~std::uint32_t{0};
  static constexpr std::uint32_t generation_of(std::uint64_t state) noexcept {
    return static_cast<std::uint32_t>(state >> 2) & most_generation;
  }
  static constexpr token maker_of(std::uint64_t state) noexcept { return static_cast<token>(state >> 2 & 0x3fffffff); }
  static constexpr std::uint64_t pack(std::uint32_t raised, token who, object_entry::stage stage) noexcept {
    return std::uint64_t{raised} << 32 | std::uint64_t{who} << 2 | stage;
  }
  static constexpr std::uint64_t word(token who, std::uint32_t count) noexcept {
    return std::uint64_t{who} << 32 | count;
  }
  static constexpr token holder_of(std::uint64_t held) noexcept { return static_cast<token>(held >> 32); }
  static constexpr std::uint32_t count_of(std::uint64_t held) noexcept { return static_cast<std::uint32_t>(held); }

  static std::atomic<std::uint64_t>& holder_word(hold held) noexcept {
    std::uint32_t const place = held.place & ~hold::none_like_it;
    return at(place / 8).holders[place % 8 % places];
  }

  /// The entry whose holders a continuation lists: kept in its `block`.
  static std::uint32_t head_of(object_entry& entry) noexcept {
    return static_cast<std::uint32_t>(entry.block.load(std::memory_order_acquire));
  }

  static bool is_linked(std::uint32_t index) noexcept {
    std::uint32_t links = 0;
    for (std::uint32_t next = at(head_of(at(index))).more.load(std::memory_order_acquire);
         next != 0 && links <= token_slots; ++links) {
      if (next == index) return true;
      next = at(next).more.load(std::memory_order_acquire);
    }
    return false;
  }

  template <class F> static void for_each_word(std::uint32_t index, F f) noexcept {
    std::uint32_t links = 0;
    for (std::uint32_t at_index = index; at_index != 0 && links <= token_slots;
         ++links) {  // bounded: a scribbler could have closed a circle
      object_entry& entry = at(at_index);
      for (auto& held : entry.holders) f(held);
      at_index = entry.more.load(std::memory_order_acquire);  // pairs with the release in take_new
    }
  }

  static std::uint32_t claim(token maker) {
    region const& all = family();
    auto& header = all.header();
    std::uint32_t index = header.object_hint.load(std::memory_order_relaxed);
    std::uint32_t const top = header.object_top.load(std::memory_order_relaxed);
    for (int look = 0; look < 64 && top != 0; ++look) {
      index = index % top + 1;
      if (claim_entry(index, maker)) {
        header.object_hint.store(index, std::memory_order_relaxed);
        return index;
      }
    }
    std::uint32_t fresh = header.object_top.load(std::memory_order_relaxed);
    while (fresh + 1 < all.objects) {
      if (!header.object_top.compare_exchange_weak(fresh, fresh + 1, std::memory_order_acq_rel)) continue;
      if (claim_entry(fresh + 1, maker)) return fresh + 1;
      fresh = header.object_top.load(std::memory_order_relaxed);
    }
    for (std::uint32_t any = 1; any < all.objects; ++any) {
      if (claim_entry(any, maker)) return any;
    }
    throw std::bad_alloc();
  }

  static bool claim_entry(std::uint32_t index, token maker) noexcept {
    object_entry& entry = at(index);
    std::uint64_t state = entry.state.load(std::memory_order_relaxed);
    // acquire: pairs with vacate's release; the former object's words are clear
    return stage_of(state) == object_entry::free &&
           entry.state.compare_exchange_strong(state, pack(version(state) + 1, maker, object_entry::making),
                                               std::memory_order_acquire);
  }

  static bool take_new(object_entry& entry, std::uint32_t index, std::uint32_t wanted, token who, hold& taken) {
    members::at(who).holds.fetch_add(1, std::memory_order_relaxed);  // before the word: never fewer than there are
    hold place{};
    std::uint32_t last = index;
    for (std::uint32_t at_index = index; place.object == 0;
         at_index = at(at_index).more.load(std::memory_order_acquire)) {
      if (at_index == 0) {
        at_index = extend(last, index, who);
        place = {index, hold::none_like_it | at_index * 8};  // the new entry's first place was set in our name
        break;
      }
      for (std::uint32_t k = 0; k < places && place.object == 0; ++k) {
        std::uint64_t empty = 0;
        if (at(at_index).holders[k].compare_exchange_strong(empty, word(who, 1), std::memory_order_acq_rel))
          place = {index, hold::none_like_it | (at_index * 8 + k)};
      }
      last = at_index;
    }
    // Raise the version after the word is set: a holder that scanned past our place before, and found nobody, fails in
    // is_last.
    std::uint64_t state = entry.state.load(std::memory_order_acquire);
    while (stage_of(state) == object_entry::alive && (wanted == any_generation || wanted == generation_of(state))) {
      if (entry.state.compare_exchange_weak(state, pack(version(state) + 1, generation_of(state), object_entry::alive),
                                            std::memory_order_acq_rel)) {
        taken = place;
        return true;
      }
    }
    holder_word(place).store(0, std::memory_order_release);
    members::at(who).holds.fetch_sub(1, std::memory_order_relaxed);
    return false;
  }

  /// A further entry of holders, linked behind `last`, its first place set in the name of `who`. It stays in the stage
  /// `making`: a death before the link leaves it to bury(), which asks whether it is linked.
  static std::uint32_t extend(std::uint32_t last, std::uint32_t object, token who) {
    std::uint32_t const fresh = claim(who);
    object_entry& entry = at(fresh);
    entry.type.store(continuation, std::memory_order_relaxed);
    entry.block.store(object, std::memory_order_relaxed);
    entry.holders[0].store(word(who, 1), std::memory_order_relaxed);
    for (std::uint32_t at_index = last;;) {
      std::uint32_t none = 0;
      // release: the entry is whole before it can be found
      if (at(at_index).more.compare_exchange_strong(none, fresh, std::memory_order_acq_rel)) break;
      at_index = none;
    }
    return fresh;
  }

  /// The kernel marks a thread's end before /proc tells of the process's: whoever was woken by the mark waits for that.
  static bool has_ended(token who) noexcept {
    constexpr std::int64_t patience = 10'000'000;
    if (members::is_orphaned(who)) return true;
    if (!members::is_marked(who)) return false;
    for (std::int64_t const limit = os::monotonic_ns() + patience; os::monotonic_ns() < limit; os::yield())
      if (members::is_orphaned(who)) return true;
    return false;
  }

  static bool is_last(std::uint32_t index, token who, std::uint32_t wanted = any_generation) noexcept {
    object_entry& entry = at(index);
    for (;;) {
      std::uint64_t state = entry.state.load(std::memory_order_acquire);
      if (stage_of(state) != object_entry::alive || (wanted != any_generation && wanted != generation_of(state)))
        return false;
      bool held = false;
      for_each_word(index,
                    [&held](std::atomic<std::uint64_t>& one) { held |= one.load(std::memory_order_acquire) != 0; });
      if (held) return false;
      // acq_rel: all that was done through any handle comes before the destruction
      if (entry.state.compare_exchange_strong(state, pack(version(state), who, object_entry::ending),
                                              std::memory_order_acq_rel))
        return true;
    }
  }

  static void vacate(object_entry& entry) noexcept {
    for (auto& held : entry.holders) held.store(0, std::memory_order_relaxed);
    entry.block.store(0, std::memory_order_relaxed);
    std::uint64_t const state = entry.state.load(std::memory_order_relaxed);
    entry.state.store(pack(version(state), 0, object_entry::free),
                      std::memory_order_release);  // pairs with claim_entry's acquire
  }
};

}  // namespace tandem::impl

#endif  // TANDEM_MEMORY_IMPL_OBJECTS_HPP
