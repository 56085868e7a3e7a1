// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_MEMORY_IMPL_TOKEN_HPP
#define TANDEM_MEMORY_IMPL_TOKEN_HPP

#include <cstdint>  // for uint32_t

namespace tandem::impl {

/// Names whoever can hold something and die: a thread (participant) or a process (member) of the family. 0 is nobody.
///
///     bit 31, 30: free for a lock word's own marks | 29: set | 28..14: generation | 13..0: slot
///
/// Bit 29 makes every token larger than any TID (below 2^22), so that the kernel, which compares robust words with
/// TIDs, never takes one for the other. The generation tells a slot's heirs apart; slots are taken in turn, so it
/// comes round after millions of participants.
using token = std::uint32_t;

inline constexpr token token_mark = 1U << 29;
inline constexpr unsigned token_slot_bits = 14;
inline constexpr std::uint32_t token_slots = 1U << token_slot_bits;
inline constexpr std::uint32_t token_generations = 1U << 15;

constexpr std::uint32_t slot_of(token who) noexcept { return who & (token_slots - 1); }

constexpr token make_token(std::uint32_t slot, std::uint32_t generation) noexcept {
  return token_mark | (generation & (token_generations - 1)) << token_slot_bits | slot;
}

/// What a thread calls itself, in a lock word, that has no token since no other process is in sight: held by somebody
/// of this program. Unlike every token, and zero where the kernel looks for a TID (22 bits).
inline constexpr token somebody = 1U << 22;

/// The next owner of the slot that `last` had, or its first one if `last` is 0.
constexpr token next_token(std::uint32_t slot, token last) noexcept {
  return make_token(slot, ((last >> token_slot_bits) & (token_generations - 1)) + 1);
}

}  // namespace tandem::impl

#endif  // TANDEM_MEMORY_IMPL_TOKEN_HPP
