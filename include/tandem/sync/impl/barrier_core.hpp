// SPDX-License-Identifier: BSL-1.0
// A barrier without its completion function. There is no counter to be left wrong by a death: who has arrived stands in
// an entry of its own, which says by name and phase; whoever finds that all are there claims the phase, once, by name
// as well, completes it, and opens the next by one store.
//
//   state      phase, expected     the truth; changes when a phase is complete, by one store; or is marked as broken
//   completer  phase, name         who completes that phase, or completed it
//   others     phase, counts       arrivals of those without an entry, or beyond the first of a unit in a phase
//   entries    phase, name, mark   the last phase in which that unit arrived; the mark: it dropped out there
//
// An entry that is marked with a phase that is over is free. Entries are never 0 again, so that the first 0 is the end.
#ifndef TANDEM_SYNC_IMPL_BARRIER_CORE_HPP
#define TANDEM_SYNC_IMPL_BARRIER_CORE_HPP

#include <atomic>   // for atomic
#include <cstdint>  // for int32_t, int64_t, uint32_t, uint64_t

#include "tandem/memory/impl/token.hpp"      // for token
#include "tandem/sync/impl/await.hpp"        // for await
#include "tandem/sync/impl/event_count.hpp"  // for event_count
#include "tandem/sync/impl/owner.hpp"        // for has_ended, owner_home, owner_mask
#include "tandem/sync/impl/roll.hpp"         // for entry_has_ended

namespace tandem::impl {

/// How things stand, to one who waits for a phase to be over.
enum class barrier_state { open, over, broken };

class barrier_core {
 public:
  using phase_number = std::uint32_t;

  static constexpr unsigned room = 64;
  static constexpr std::uint32_t most = (1U << 24) - 1;

  constexpr barrier_core(std::uint32_t expected, bool drops) noexcept
      : state_(pair(0, expected)), completer_(pair(~phase_number{0}, 0)), drops_(drops) {}

  phase_number phase() const noexcept { return high(state_.load(std::memory_order_acquire)); }

  /// Gives the caller an entry; false where there is none left.
  bool enroll() {
    token const me = home_.name_of_thread(this);
    phase_number const now = phase();
    if (find(me, now) != nullptr) return true;
    if (!add(pair(now - 1, me), now)) return false;
    events_.notify_all();  // whoever sleeps is to know whom to watch
    return true;
  }

  /// The caller arrives `count` times in the present phase, and completes it where it is the last; for good where it
  /// `drops` out. @pre count > 0
  template <class Completion> phase_number arrive(std::uint32_t count, bool drops, Completion& completion) {
    token const me = home_.name_of_thread(this);
    phase_number const now = phase();
    std::uint32_t const mark = drops ? dropped : 0;
    auto* const mine = find(me, now);
    if (mine == nullptr ? add(pair(now, me | mark), now) : arrive_at(*mine, pair(now, me | mark))) --count;
    if (count != 0) arrive_nameless(now, count, drops);
    complete(now, me, completion);
    return now;
  }

  /// Waits until phase `number` is over; at most until `until`.
  template <class Completion> barrier_state wait(phase_number number, std::int64_t until, Completion& completion) {
    if (state_of(number) != barrier_state::open) return state_of(number);
    token const me = home_.name_of_thread(this);
    bool asks = false;  // proc(5), for names that memory knows nothing of: not before a first sleep
    auto const settle = [&] {
      look_at_the_dead(number, asks);
      complete(number, me, completion);
      asks = true;
    };
    bool const in_time = await(
        events_, until, [&] { return state_of(number) != barrier_state::open; },
        [&](token* owners) {
          settle();
          return living(owners, me);
        });
    if (!in_time) settle();
    return state_of(number);
  }

 private:
  static constexpr std::uint32_t dropped = 1U << 31, broken = 1U << 31;
  using entry = std::atomic<std::uint64_t>;

  static constexpr std::uint64_t pair(std::uint32_t above, std::uint32_t below) noexcept {
    return std::uint64_t{above} << 32 | below;
  }
  static constexpr std::uint32_t high(std::uint64_t both) noexcept { return static_cast<std::uint32_t>(both >> 32); }
  static constexpr std::uint32_t low(std::uint64_t both) noexcept { return static_cast<std::uint32_t>(both); }
  static constexpr token name(std::uint64_t seen) noexcept { return low(seen) & owner_mask; }

  barrier_state state_of(phase_number number) const noexcept {
    std::uint64_t const seen = state_.load(std::memory_order_seq_cst);
    if (high(seen) != number) return barrier_state::over;
    return (low(seen) & broken) != 0 ? barrier_state::broken : barrier_state::open;
  }

  /// For good, and for all who wait.
  void break_up(std::uint64_t seen) noexcept {
    if (state_.compare_exchange_strong(seen, seen | broken, std::memory_order_seq_cst)) events_.notify_all();
  }

  static bool is_free(std::uint64_t seen, phase_number now) noexcept {
    return seen == 0 || ((low(seen) & dropped) != 0 && high(seen) != now);
  }

  /// Whether it has yet to arrive: a phase that is later than `now` means that `now` is over.
  static bool is_awaited(std::uint64_t seen, phase_number now) noexcept {
    return !is_free(seen, now) && static_cast<std::int32_t>(now - high(seen)) > 0;
  }

  entry* find(token me, phase_number now) noexcept {
    for (entry& one : entries_) {
      std::uint64_t const seen = one.load(std::memory_order_relaxed);
      if (seen == 0) return nullptr;
      if (name(seen) == me && !is_free(seen, now)) return &one;
    }
    return nullptr;
  }

  bool add(std::uint64_t mine, phase_number now) noexcept {
    for (entry& one : entries_) {
      std::uint64_t seen = one.load(std::memory_order_relaxed);
      if (is_free(seen, now) && one.compare_exchange_strong(seen, mine, std::memory_order_seq_cst)) return true;
    }
    return false;
  }

  /// False where it has arrived before in this phase. seq_cst: the last two to arrive must not miss each other; and
  /// what was done before happens before the completion.
  static bool arrive_at(entry& mine, std::uint64_t arrival) noexcept {
    if (high(mine.load(std::memory_order_relaxed)) == high(arrival)) return false;
    mine.store(arrival, std::memory_order_seq_cst);
    return true;
  }

  // others_: the low 16 bits of the phase, then 24 bits each for those who arrived, and those who drop out of them.
  static constexpr std::uint64_t nameless_in(phase_number now, std::uint64_t seen) noexcept {
    std::uint64_t const fresh = static_cast<std::uint64_t>(now & 0xffff) << 48;
    return (seen ^ fresh) >> 48 == 0 ? seen : fresh;
  }
  void arrive_nameless(phase_number now, std::uint64_t count, bool drops) noexcept {
    std::uint64_t seen = others_.load(std::memory_order_relaxed);
    while (!others_.compare_exchange_weak(seen, nameless_in(now, seen) + (count << 24 | (drops ? count : 0)),
                                          std::memory_order_seq_cst, std::memory_order_relaxed)) {}
  }

  struct census {
    std::uint64_t arrived, drop;
  };
  census count(phase_number now) const noexcept {
    std::uint64_t const nameless = nameless_in(now, others_.load(std::memory_order_seq_cst));
    census found{nameless >> 24 & most, nameless & most};
    for (entry const& one : entries_) {
      std::uint64_t const seen = one.load(std::memory_order_seq_cst);
      if (seen == 0) break;
      if (high(seen) != now) continue;
      ++found.arrived;
      found.drop += (low(seen) & dropped) != 0;
    }
    return found;
  }

  /// Completes phase `now` where all have arrived, and nobody is at it.
  template <class Completion> void complete(phase_number now, token me, Completion& completion) {
    std::uint64_t const seen = state_.load(std::memory_order_seq_cst);
    if (high(seen) != now || count(now).arrived < low(seen)) return;  // broken: so many do not arrive
    std::uint64_t claim = completer_.load(std::memory_order_seq_cst);
    do {
      if (state_.load(std::memory_order_seq_cst) != seen) return;  // otherwise the claim is of no later phase
      bool const is_claimed = high(claim) == now;
      if (is_claimed && !entry_has_ended(low(claim))) return;
      if (is_claimed && !drops_) return break_up(seen);
    } while (!completer_.compare_exchange_strong(claim, pair(now, me), std::memory_order_seq_cst));
    completion();
    auto const drop = static_cast<std::uint32_t>(count(now).drop);
    // brought up to date, for in 2^16 phases what is old would look like what is present
    std::uint64_t const nameless = others_.load(std::memory_order_relaxed);
    if (nameless_in(now, nameless) != nameless) others_.store(nameless_in(now, nameless), std::memory_order_relaxed);
    state_.store(pair(now + 1, low(seen) - drop), std::memory_order_seq_cst);
    events_.notify_all();
  }

  /// The dead who have not arrived in `now` break it up, or drop out.
  void look_at_the_dead(phase_number now, bool asks) noexcept {
    std::uint64_t const state = state_.load(std::memory_order_seq_cst);
    if (high(state) != now) return;
    for (entry& one : entries_) {
      std::uint64_t seen = one.load(std::memory_order_seq_cst);
      if (seen == 0) break;
      if (!is_awaited(seen, now) || !(asks ? entry_has_ended(low(seen)) : has_ended(name(seen)))) continue;
      if (one.load(std::memory_order_seq_cst) != seen) continue;  // it had arrived meanwhile, before it ended
      if (!drops_) return break_up(state);
      one.compare_exchange_strong(seen, pair(now, low(seen) | dropped), std::memory_order_seq_cst);
    }
  }

  unsigned living(token* owners, token me) const noexcept {
    unsigned count = 0;
    for (entry const& one : entries_) {
      std::uint64_t const seen = one.load(std::memory_order_seq_cst);
      if (seen == 0) break;
      if (name(seen) != me && (low(seen) & dropped) == 0 && !has_ended(name(seen))) owners[count++] = name(seen);
    }
    return count;
  }

  std::atomic<std::uint64_t> state_, completer_, others_{0};
  event_count events_;
  owner_home home_;
  bool drops_;
  entry entries_[room]{};
};

}  // namespace tandem::impl

#endif  // TANDEM_SYNC_IMPL_BARRIER_CORE_HPP
