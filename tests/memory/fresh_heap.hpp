// SPDX-License-Identifier: BSL-1.0
// A heap that no other test has been at.
#ifndef TANDEM_TESTS_MEMORY_FRESH_HEAP_HPP
#define TANDEM_TESTS_MEMORY_FRESH_HEAP_HPP

#include <sys/mman.h>  // for mmap

#include <cerrno>        // for errno
#include <functional>    // for function
#include <system_error>  // for system_error

#include "support/child.hpp"
#include "tandem/memory/impl/heap_cache.hpp"
#include "tandem/memory/impl/participants.hpp"
#include "tandem/memory/impl/region.hpp"

namespace tandem_test {

/// Lays an empty heap over the family's, in this process and those it forks from now on; its parent keeps the old one.
/// @pre no other thread of this process uses the heap
inline void lay_fresh_heap() {
  auto const& all = tandem::impl::family();
  void* const at = ::mmap(all.heap, all.heap_bytes, PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
  if (at != all.heap) throw std::system_error(errno, std::generic_category(), "mmap");
  if (tandem::impl::participants::self_or_none() != 0)
    tandem::impl::participants::own().heap = tandem::impl::heap_cache{};
}

/// Runs `body` in a forked child that has an empty heap.
inline child_result with_fresh_heap(std::function<void()> const& body) {
  return run_in_child([&body] {
    lay_fresh_heap();
    body();
  });
}

}  // namespace tandem_test

#endif  // TANDEM_TESTS_MEMORY_FRESH_HEAP_HPP
