// SPDX-License-Identifier: BSL-1.0
// One place of a ring: a word that says whose it is, and room for an element.
//
//     word:  round 32 | owner 30 | state 2
//
//   empty    of round r: free for the r-th element of this place
//   writing  its owner makes an element here
//   full     it is there; with the owner `poison`: its maker died, there is nothing
//   reading  its owner takes it out
//
// Each claim is one compare-and-swap that names its owner, so that whoever comes upon the claim of a dead one can undo
// it: writing becomes full of poison, which is consumed in its turn like any element; reading becomes empty.
#ifndef TANDEM_QUEUE_IMPL_SLOT_HPP
#define TANDEM_QUEUE_IMPL_SLOT_HPP

#include <atomic>   // for atomic
#include <cstdint>  // for uint32_t, uint64_t

#include "tandem/memory/impl/token.hpp"   // for token
#include "tandem/queue/impl/element.hpp"  // for element

namespace tandem::impl {

enum class slot_state : std::uint32_t { empty, writing, full, reading };

/// What a slot's word says.
class slot_word {
 public:
  constexpr explicit slot_word(std::uint64_t bits) noexcept : bits_(bits) {}
  constexpr slot_word(std::uint32_t round, token owner, slot_state state) noexcept
      : bits_(std::uint64_t{round} << 32 | owner << 2 | static_cast<std::uint32_t>(state)) {}

  constexpr std::uint64_t bits() const noexcept { return bits_; }
  constexpr std::uint32_t round() const noexcept { return static_cast<std::uint32_t>(bits_ >> 32); }
  constexpr token owner() const noexcept { return static_cast<token>(bits_) >> 2; }
  constexpr slot_state state() const noexcept { return static_cast<slot_state>(bits_ & 3); }
  constexpr bool is(slot_state state) const noexcept { return this->state() == state; }
  constexpr bool is_poison() const noexcept { return is(slot_state::full) && owner() != 0; }

  friend constexpr bool operator==(slot_word, slot_word) noexcept = default;

 private:
  std::uint64_t bits_;
};

/// The owner of what is full of nothing: no token.
inline constexpr token poison = 1;

template <class T> struct slot {
  std::atomic<std::uint64_t> word;
  impl::element<T> element;
};

}  // namespace tandem::impl

#endif  // TANDEM_QUEUE_IMPL_SLOT_HPP
