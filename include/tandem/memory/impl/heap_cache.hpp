// SPDX-License-Identifier: BSL-1.0
// What a participant knows about the heap: private memory, which dies with its owner and needs no repair.
#ifndef TANDEM_MEMORY_IMPL_HEAP_CACHE_HPP
#define TANDEM_MEMORY_IMPL_HEAP_CACHE_HPP

#include <atomic>   // for atomic
#include <cstddef>  // for byte
#include <cstdint>  // for uint32_t, uint64_t

#include "tandem/memory/impl/heap_layout.hpp"  // for heap_map, size_classes
#include "tandem/memory/impl/token.hpp"        // for token

namespace tandem::impl {

/// Where the next blocks of one size come from: one word of a slab's bitmap.
struct current_word {
  std::uint64_t available;            // its free blocks, as far as this participant knows; a freed one comes back here
  std::atomic<std::uint64_t>* local;  // the word
  std::byte* first;                   // the block of its lowest bit
  std::uint32_t size;                 // of a block
  std::uint32_t slabs;                // all slabs of this size, as a ring of nodes, at the one to look at next; 0: none
};
static_assert(sizeof(current_word) == 32);

/// A slab in one of its owner's rings.
struct slab_node {
  std::uint32_t unit;
  std::uint32_t next, previous;
};

/// One participant's private view of the heap. All zeros is a valid, empty cache: a forked child finds it so.
struct heap_cache {
  static constexpr std::uint32_t inline_nodes = 64;

  heap_map map;
  std::uint64_t tag;  // unit_state::slab_tag of this participant's slabs; 0: not in use yet
  token me;
  std::uint32_t spare;       // a ring of empty slabs
  std::uint32_t spares;      // how many
  std::uint32_t nodes_used;  // nodes from here on were never used; node 0 never is
  std::uint32_t nodes_space;
  std::uint32_t node_free;  // a list of former nodes
  slab_node* nodes;         // first_nodes, or memory of its own that no forked child has
  slab_node first_nodes[inline_nodes];
  current_word current[size_classes::slots];  // last: the half for guarded blocks is touched only where there are any
};

}  // namespace tandem::impl

#endif  // TANDEM_MEMORY_IMPL_HEAP_CACHE_HPP
