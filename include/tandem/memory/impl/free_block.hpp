// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_MEMORY_IMPL_FREE_BLOCK_HPP
#define TANDEM_MEMORY_IMPL_FREE_BLOCK_HPP

#include <cstddef>  // for size_t
#include <cstdint>  // for uint64_t

#include "tandem/memory/impl/guard_zone.hpp"   // for guards_blocks
#include "tandem/memory/impl/heap_audit.hpp"   // for heap_audit
#include "tandem/memory/impl/heap_blocks.hpp"  // for blocks
#include "tandem/memory/impl/region.hpp"       // for family

namespace tandem::impl {

// Blocks of the family's heap by their offsets, as others have written them down in memory that a scribbler can reach.

/// How large the block is that begins there; 0 where none does.
inline std::size_t block_bytes_at(std::uint64_t offset) noexcept {
  if (offset == 0 || offset >= family().heap_bytes) return 0;
  return heap_audit::block_bytes(blocks::map(), family().address(offset));
}

/// Frees it, and tells of a write behind its end as heap::deallocate does; what is no block stays as it is.
inline void free_checked_block_at(std::uint64_t offset) noexcept {
  if (block_bytes_at(offset) != 0) blocks::deallocate(family().address(offset));
}

/// Frees it; what is no block stays as it is. Who wrote behind its end may be dead or hostile: this process does not
/// end for that.
inline void free_block_at(std::uint64_t offset) noexcept {
  if (block_bytes_at(offset) == 0) return;
  if constexpr (guards_blocks) blocks::mend_guard(family().address(offset));
  blocks::deallocate(family().address(offset));
}

}  // namespace tandem::impl

#endif  // TANDEM_MEMORY_IMPL_FREE_BLOCK_HPP
