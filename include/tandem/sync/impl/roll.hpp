// SPDX-License-Identifier: BSL-1.0
// Who takes part in a latch or a barrier, by name: one word for each, which says as well how far it has come. One word,
// one change: a death leaves nothing half said.
#ifndef TANDEM_SYNC_IMPL_ROLL_HPP
#define TANDEM_SYNC_IMPL_ROLL_HPP

#include <atomic>   // for atomic
#include <cstdint>  // for uint32_t

#include "tandem/memory/impl/token.hpp"  // for token
#include "tandem/sync/impl/owner.hpp"    // for has_ended, owner_mask, prove_ended

namespace tandem::impl {

/// `Size` words: 0, or a name in bits 0 to 29 and the user's own marks in 30 and 31.
template <unsigned Size> class roll {
 public:
  using entry = std::atomic<std::uint32_t>;
  static constexpr unsigned size = Size;

  constexpr roll() noexcept = default;

  /// The caller's entry; null where it has none.
  entry* find(token me) noexcept {
    for (entry& one : entries_)
      if ((one.load(std::memory_order_relaxed) & owner_mask) == me) return &one;
    return nullptr;
  }

  /// A new entry; null where all are taken. seq_cst: whoever decides next sees it
  entry* add(token me) noexcept {
    for (entry& one : entries_) {
      std::uint32_t nobody = 0;
      if (one.load(std::memory_order_relaxed) == 0 &&
          one.compare_exchange_strong(nobody, me, std::memory_order_seq_cst))
        return &one;
    }
    return nullptr;
  }

  /// Writes down those that live, of those whose entry `f` approves of.
  template <class F> unsigned living(token* owners, F f) const noexcept {
    unsigned count = 0;
    for (entry const& one : entries_) {
      std::uint32_t const seen = one.load(std::memory_order_seq_cst);
      if (seen != 0 && f(seen) && !has_ended(seen & owner_mask)) owners[count++] = seen & owner_mask;
    }
    return count;
  }

  entry* begin() noexcept { return entries_; }
  entry* end() noexcept { return entries_ + Size; }
  entry const* begin() const noexcept { return entries_; }
  entry const* end() const noexcept { return entries_ + Size; }

 private:
  entry entries_[Size]{};
};

/// Whether the one whose entry this is has ended; asks proc(5) where memory does not tell.
inline bool entry_has_ended(std::uint32_t seen) noexcept {
  token const who = seen & owner_mask;
  return has_ended(who) || (thread_number::is_one(who) && prove_ended(who));
}

}  // namespace tandem::impl

#endif  // TANDEM_SYNC_IMPL_ROLL_HPP
