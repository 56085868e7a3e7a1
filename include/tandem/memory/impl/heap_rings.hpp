// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_MEMORY_IMPL_HEAP_RINGS_HPP
#define TANDEM_MEMORY_IMPL_HEAP_RINGS_HPP

#include <algorithm>  // for copy_n, max
#include <atomic>     // for memory_order
#include <cstddef>    // for byte, size_t
#include <cstdint>    // for uint32_t

#include "tandem/memory/impl/heap_cache.hpp"   // for heap_cache, slab_node
#include "tandem/memory/impl/heap_layout.hpp"  // for no_unit
#include "tandem/os/mapping.hpp"               // for drop_on_fork, map_private, unmap

namespace tandem::impl {

/// Rings of slabs in an owner's private memory. A ring is named by one of its nodes, 0 if it is empty.
class slab_rings {
 public:
  /// Adds a slab, just before the ring's node: the last to be looked at. False where there is no memory for it: then
  /// its owner forgets the slab, whose free blocks are out of use until the owner ends.
  static bool insert(heap_cache& cache, std::uint32_t& ring, std::uint32_t unit) noexcept {
    std::uint32_t const node = take_node(cache);
    if (node == 0) return false;
    slab_node* const nodes = cache.nodes;
    if (ring == 0) {
      nodes[node] = {unit, node, node};
      ring = node;
    } else {
      nodes[node] = {unit, ring, nodes[ring].previous};
      nodes[nodes[ring].previous].next = node;
      nodes[ring].previous = node;
    }
    cache.map.descriptors[unit].node.store(node, std::memory_order_relaxed);  // read by its owner alone
    return true;
  }

  /// Takes a node out of the ring; returns its unit.
  static std::uint32_t remove(heap_cache& cache, std::uint32_t& ring, std::uint32_t node) noexcept {
    slab_node* const nodes = cache.nodes;
    slab_node const gone = nodes[node];
    nodes[gone.previous].next = gone.next;
    nodes[gone.next].previous = gone.previous;
    if (ring == node) ring = gone.next == node ? 0 : gone.next;
    nodes[node] = {no_unit, cache.node_free, 0};
    cache.node_free = node;
    return gone.unit;
  }

  /// The node of `unit` in the ring, 0 if it is not there. What the shared descriptor says is a hint, checked here.
  static std::uint32_t find(heap_cache const& cache, std::uint32_t ring, std::uint32_t unit) noexcept {
    std::uint32_t const hint = cache.map.descriptors[unit].node.load(std::memory_order_relaxed);
    if (hint != 0 && hint < cache.nodes_used && cache.nodes[hint].unit == unit) return hint;
    std::uint32_t node = ring;
    for (std::uint32_t left = size(cache, ring); left != 0; --left) {
      if (cache.nodes[node].unit == unit) return node;
      node = cache.nodes[node].next;
    }
    return 0;
  }

  static std::uint32_t size(heap_cache const& cache, std::uint32_t ring) noexcept {
    if (ring == 0) return 0;
    std::uint32_t nodes = 1;
    for (std::uint32_t node = cache.nodes[ring].next; node != ring; node = cache.nodes[node].next) ++nodes;
    return nodes;
  }

  /// Gives the memory of the nodes back. @pre the rings are not used any more
  static void release(heap_cache& cache) noexcept {
    if (cache.nodes != nullptr && cache.nodes != cache.first_nodes) os::unmap(cache.nodes, bytes(cache.nodes_space));
    cache.nodes = nullptr;
  }

 private:
  static std::uint32_t take_node(heap_cache& cache) noexcept {
    if (std::uint32_t const former = cache.node_free) {
      cache.node_free = cache.nodes[former].next;
      return former;
    }
    if (cache.nodes == nullptr) {
      cache.nodes = cache.first_nodes;
      cache.nodes_space = heap_cache::inline_nodes;
      cache.nodes_used = 1;
    }
    if (cache.nodes_used == cache.nodes_space && !grow(cache)) return 0;
    return cache.nodes_used++;
  }

  static bool grow(heap_cache& cache) noexcept {
    std::uint32_t const space = std::max(1024U, cache.nodes_space * 2);
    std::byte* const at = os::map_private(bytes(space));
    if (at == nullptr) return false;
    os::drop_on_fork(at, bytes(space));  // a forked child has a cache of its own, and would never unmap its parent's
    auto* const nodes = reinterpret_cast<slab_node*>(at);
    std::copy_n(cache.nodes, cache.nodes_used, nodes);
    release(cache);
    cache.nodes = nodes;
    cache.nodes_space = space;
    return true;
  }

  static std::size_t bytes(std::uint32_t nodes) noexcept { return nodes * sizeof(slab_node); }
};

}  // namespace tandem::impl

#endif  // TANDEM_MEMORY_IMPL_HEAP_RINGS_HPP
