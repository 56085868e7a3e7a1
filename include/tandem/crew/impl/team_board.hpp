// SPDX-License-Identifier: BSL-1.0
// What the members of a team have in common.
//
// A collective operation is a step, and all members come to each step: one writes its value into a slot of its own,
// then counts itself in; the last one to come lets all pass; then each reads what it needs from the others' slots.
// There are two slots each, for even and for odd steps: who comes to a step has passed the one before, so all have come
// to that one, and are done with reading in the one before it.
//
//   arrivals   how many have come, and the sum of their tags    back to 0 by the last one
//   passed     the last step that all have come to              what others wait for
//   news       how many members have ended                      so that waiting is looking at two words of one line
//   lost, why  the first member that failed, and its failure    by who follows them
//
// A counter that a dead member leaves wrong is never looked at again: a death fails the whole run.
#ifndef TANDEM_CREW_IMPL_TEAM_BOARD_HPP
#define TANDEM_CREW_IMPL_TEAM_BOARD_HPP

#include <atomic>   // for atomic
#include <cstddef>  // for byte, size_t
#include <cstdint>  // for uint32_t, uint64_t
#include <cstring>  // for memcpy
#include <memory>   // for uninitialized_value_construct_n

#include "tandem/core/codec_failure.hpp"        // for codec<failure>
#include "tandem/core/failure.hpp"              // for failure
#include "tandem/core/shareable.hpp"            // for enable_shareable
#include "tandem/crew/impl/team_call.hpp"       // for said_call, team_call
#include "tandem/crew/impl/team_letter.hpp"     // for team_letter, value_at
#include "tandem/memory/commons.hpp"            // for commons
#include "tandem/memory/impl/free_block.hpp"    // for block_bytes_at, free_block_at
#include "tandem/memory/impl/region.hpp"        // for family
#include "tandem/memory/impl/token.hpp"         // for token
#include "tandem/memory/shared.hpp"             // for shared
#include "tandem/memory/shared_array.hpp"       // for shared<T[]>
#include "tandem/queue/impl/element.hpp"        // for is_in_place
#include "tandem/queue/impl/encoded_block.hpp"  // for encoded_block
#include "tandem/sync/impl/event_count.hpp"     // for event_count

namespace tandem::impl {

/// Room for a value: a small flat one as it is, any other encoded, in a block of its own.
class alignas(64) team_slot {
 public:
  /// @throws what T's codec throws, std::bad_alloc: nothing is in it then
  template <class T> void put(T const& value) {
    discard();
    if constexpr (is_inside<T>)
      std::memcpy(bytes_, &value, sizeof(T));
    else
      block_.fill(value);
  }
  /// A copy. @throws what T's codec throws
  template <class T> T read() const {
    if constexpr (is_inside<T>)
      return value_at<T>(bytes_);
    else
      return block_.template read<T>();
  }
  void discard() noexcept {
    if (!block_.is_empty()) block_.discard();
  }

 private:
  template <class T> static constexpr bool is_inside = is_in_place<T> && sizeof(T) <= 56;

  encoded_block block_;
  std::byte bytes_[56]{};
};
static_assert(sizeof(team_slot) == 64, "a format in shared memory");

enum class member_state : std::uint32_t { works, has_returned };

/// That a member sleeps, and what for: written down for the others, who find out whether all sleep for each other.
class team_sleep {
 public:
  /// Until a step is over, or there is something in `letters`, from a member. Once for each sleep.
  void begin(team_letter::link const* letters, std::size_t from) noexcept {
    from_.store(static_cast<std::uint32_t>(from), std::memory_order_relaxed);
    letters_.store(letters == nullptr ? 0 : family().offset(reinterpret_cast<std::byte const*>(letters)),
                   std::memory_order_relaxed);
    turn_.fetch_add(1, std::memory_order_release);  // what it has done before is seen by who sees that it sleeps
  }
  void end() noexcept { turn_.fetch_add(1, std::memory_order_release); }

  /// Changes with each beginning and each end.
  std::uint64_t turn() const noexcept { return turn_.load(std::memory_order_acquire); }
  static constexpr bool is_asleep(std::uint64_t turn) noexcept { return turn % 2 != 0; }

  /// @pre it sleeps: otherwise the answer is of no use
  bool is_for_a_step() const noexcept { return letters_.load(std::memory_order_relaxed) == 0; }
  bool has_letter() const noexcept {
    std::uint64_t const at = letters_.load(std::memory_order_relaxed);
    if (at % sizeof(at) != 0 || at >= family().heap_bytes) return true;  // somebody has scribbled over it
    return reinterpret_cast<team_letter::link const*>(family().address(at))->load(std::memory_order_seq_cst) != 0;
  }
  std::size_t from() const noexcept { return from_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> turn_{0};     // odd while it sleeps
  std::atomic<std::uint64_t> letters_{0};  // an offset
  std::atomic<std::uint32_t> from_{0};
};

/// What is a member's own; written by it alone.
class alignas(64) team_place {
 public:
  std::atomic<std::uint64_t> came{0};  // the last step that it has come to
  std::atomic<member_state> state{member_state::works};
  std::atomic<token> process{0};
  event_count events;  // where it waits for letters
  team_sleep sleep;
  team_slot slots[2];
  said_call says[2];

  /// Slots for each of `size` members. @throws std::bad_alloc
  team_slot* make_row(unsigned parity, std::size_t size) {
    if (auto* const there = row(parity, size)) return there;
    auto* const block = static_cast<team_slot*>(commons().allocate(size * sizeof(team_slot), alignof(team_slot)));
    std::uninitialized_value_construct_n(block, size);
    // release: whoever finds it, after this one's death too, finds it whole
    rows_[parity].store(family().offset(reinterpret_cast<std::byte*>(block)), std::memory_order_release);
    return block;
  }
  /// Null where there is none.
  team_slot* row(unsigned parity, std::size_t size) const noexcept {
    std::uint64_t const offset = rows_[parity].load(std::memory_order_acquire);
    if (offset % alignof(team_slot) != 0 || block_bytes_at(offset) < size * sizeof(team_slot)) return nullptr;
    return reinterpret_cast<team_slot*>(family().address(offset));
  }

  void clear(std::size_t size) noexcept {
    for (unsigned const parity : {0U, 1U}) {
      slots[parity].discard();
      if (auto* const slots_of_row = row(parity, size))
        for (std::size_t i = 0; i < size; ++i) slots_of_row[i].discard();
      free_block_at(rows_[parity].exchange(0, std::memory_order_acq_rel));
    }
  }

 private:
  std::atomic<std::uint64_t> rows_[2]{};  // offsets; 0: none
};

struct alignas(64) team_board {
  std::atomic<std::uint64_t> passed{0};
  std::atomic<std::uint32_t> news{0};
  std::atomic<std::uint32_t> lost{0};  // its rank and 1
  std::atomic<bool> differs{false};    // in the last step that was passed, members did different things
  std::atomic<bool> is_stuck{false};   // all wait for each other
  event_count events;
  encoded_block why;

  /// One of `size` members, whose call has that tag, comes to a step.
  void come(std::uint64_t step, std::uint64_t tag, std::size_t size) noexcept {
    std::uint64_t const mine = one_arrival | tag;
    // acq_rel: what each has written is visible to the last one, hence to all who see that they may pass
    std::uint64_t const all = arrivals_.fetch_add(mine, std::memory_order_acq_rel) + mine;
    if (all / one_arrival != size) return;
    arrivals_.store(0, std::memory_order_relaxed);
    // Exact where there are two tags: the sum of both is never that of one. Of more it is as good as a hash.
    if (all % one_arrival != size * tag) differs.store(true, std::memory_order_relaxed);
    passed.store(step, std::memory_order_seq_cst);  // as events asks for
    events.notify_all();
  }

 private:
  static constexpr std::uint64_t one_arrival = 1ULL << 53;  // above 1024 tags
  static_assert(team_call::tag_bits + 10 == 53);

  alignas(64) std::atomic<std::uint64_t> arrivals_{0};
};

}  // namespace tandem::impl

template <> inline constexpr bool tandem::enable_shareable<tandem::impl::team_board> = true;
template <> inline constexpr bool tandem::enable_shareable<tandem::impl::team_place> = true;

namespace tandem::impl {

/// All of it, as a value that travels to the members.
struct team_ground {
  shared<team_board> board;
  shared<team_place[]> places;
  shared<team_letter::link[]> boxes;  // of the pairs, by sender

  static constexpr std::size_t most_members = 1024;

  static team_ground of(std::size_t size) {
    return {shared<team_board>(), shared<team_place[]>(size), shared<team_letter::link[]>(size * size)};
  }

  std::size_t size() const noexcept { return places.size(); }
  team_letter::link& box(std::size_t from, std::size_t to) const noexcept { return boxes[from * size() + to]; }

  /// All who wait are to look at how things stand. @pre what they are to see was published before
  void tell_all() const noexcept {
    board->news.fetch_add(1, std::memory_order_seq_cst);
    board->events.notify_all();
    for (auto& one : places) one.events.notify_all();
  }

  /// A member has failed. For one thread alone, which follows the members.
  void tell_of(std::size_t rank, failure const& how) const noexcept {
    if (board->lost.load(std::memory_order_relaxed) == 0) {
      try {
        board->why.fill(how);
      } catch (...) {}  // no memory to say how
      board->lost.store(static_cast<std::uint32_t>(rank + 1), std::memory_order_seq_cst);
    }
    tell_all();
  }

  /// Frees what the members have left. @pre none is there any more
  void clear() const noexcept {
    for (auto& one : places) one.clear(size());
    for (auto const& one : boxes) team_letter::empty(one);
    board->why.discard();
  }
};

}  // namespace tandem::impl

#endif  // TANDEM_CREW_IMPL_TEAM_BOARD_HPP
