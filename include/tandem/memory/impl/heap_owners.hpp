// SPDX-License-Identifier: BSL-1.0
// What a heap asks about the owners of its slabs and of its lock: of the family's, or of a named heap's own peers.
#ifndef TANDEM_MEMORY_IMPL_HEAP_OWNERS_HPP
#define TANDEM_MEMORY_IMPL_HEAP_OWNERS_HPP

#include <cstdint>  // for uint32_t

#include "tandem/memory/impl/heap_layout.hpp"   // for heap_map
#include "tandem/memory/impl/participants.hpp"  // for participants
#include "tandem/memory/impl/token.hpp"         // for token

namespace tandem::impl {

/// Whether `who` has ended; true is final, and what it wrote last is visible then.
inline bool owner_has_ended(heap_map const& map, token who) noexcept {
  return map.peers == nullptr ? participants::has_ended(who) : map.peers->has_ended(who);
}

/// How many ends of owners are known.
inline std::uint32_t deaths_of_owners(heap_map const& map) noexcept {
  return map.peers == nullptr ? participants::deaths() : map.peers->deaths();
}

}  // namespace tandem::impl

#endif  // TANDEM_MEMORY_IMPL_HEAP_OWNERS_HPP
