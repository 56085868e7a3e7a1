// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_MEMORY_HEAP_HPP
#define TANDEM_MEMORY_HEAP_HPP

#include <cstddef>          // for byte, size_t
#include <memory_resource>  // for pmr::memory_resource
#include <new>              // for placement new
#include <string_view>      // for string_view

#include "tandem/memory/impl/guard_zone.hpp"    // for guards_blocks
#include "tandem/memory/impl/heap_audit.hpp"    // for heap_audit, heap_statistics
#include "tandem/memory/impl/heap_blocks.hpp"   // for blocks
#include "tandem/memory/impl/heap_slabs.hpp"    // for slabs
#include "tandem/memory/impl/participants.hpp"  // for participants
#include "tandem/memory/impl/region.hpp"        // for family_region
#include "tandem/memory/impl/travel.hpp"        // for given_to_child

namespace tandem {

class named_heap;

/// Memory that all processes of a family share, at one address in all of them; what one allocates another may free.
///
/// Blocks up to 32 KiB lie in slabs of equal blocks; larger ones take whole units of 64 KiB, which stay mapped, and
/// warm, when they are freed. The family has one heap: commons().
///
/// @par Shared memory          All of it. Pages are touched, and so taken from the system, as they are first used;
/// where
///                             the system has none left it ends the process, as for any memory that is overcommitted.
/// @par Threads and processes  Every member may be called by all of them at once. Not from a signal handler.
/// @par Peer death             At any instruction, by any signal: the heap stays whole and usable. What the dead had
///                             allocated stays allocated, since others may hold it; a block that was on its way to it,
///                             at most one, is lost.
class heap {
 public:
  heap(heap const&) = delete;

  /// A block of at least `bytes` bytes (0 is as 1) at a multiple of `alignment`.
  /// @pre     `alignment` is a power of two.
  /// @throws  std::bad_alloc where no room is left, or for an alignment above 64 KiB; the heap stays usable.
  /// @throws  std::system_error in a thread's first call, where the family's memory cannot be reserved or the thread
  ///          cannot be enrolled in it.
  /// @par Blocks  While another participant searches for units, where fresh ones are needed.
  /// @par Cost    No atomic read-modify-write, no system call, as long as the thread's slabs have room.
  void* allocate(std::size_t bytes, std::size_t alignment = 16) {
    if constexpr (impl::guards_blocks)
      return impl::blocks::allocate_guarded(bytes, alignment);
    else
      return impl::blocks::allocate(bytes, alignment);
  }

  /// Frees a block that any thread of any process of the family has allocated. Nothing happens for nullptr.
  /// @pre     `block` was returned by allocate and not freed since, and nobody has written behind its end (checked when
  ///          TANDEM_CHECKED, in these words: not of this heap, not the start of a block, free already, somebody has
  ///          written behind the end of the block).
  /// @post    What was done with the block comes before what its next owner does.
  /// @par Blocks  Never.
  /// @par Cost    None of that for the thread's own blocks; one atomic read-modify-write for those of others.
  void deallocate(void* block) noexcept {
    if (!impl::given_to_child) [[likely]]
      impl::blocks::deallocate(block);
  }

  /// For std::pmr containers. Good in forked members; not in exec'd ones, whose functions are elsewhere.
  std::pmr::memory_resource* resource() noexcept;

  /// A heap of another kind, for programs that are no family: it has a name. In named_heap.hpp.
  static named_heap named(std::string_view name, std::size_t size);

  /// What the heap holds. Looks at everything: for reports and tests.
  heap_statistics statistics() const noexcept {
    return impl::family_region::exists() ? impl::heap_audit::count(impl::blocks::map()) : heap_statistics{};
  }

  /// Whether `at` lies where this heap's blocks do.
  bool owns(void const* at) const noexcept {
    if (!impl::family_region::exists()) return false;
    impl::heap_map const map = impl::blocks::map();
    return map.offset(at) < map.bytes;
  }

  /// Gives up what the calling thread keeps at hand without having a block in it, for others to use. A thread does so
  /// by itself at its end.
  void trim() noexcept {
    if (impl::participants::own().heap.tag != 0) impl::slabs::trim(impl::participants::own().heap);
  }

 private:
  class pmr_resource;
  friend heap& commons() noexcept;

  constexpr heap() = default;
  static heap the_commons_;
};

inline constinit heap heap::the_commons_{};

class heap::pmr_resource final : public std::pmr::memory_resource {
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    return the_commons_.allocate(bytes, alignment);
  }
  void do_deallocate(void* block, std::size_t, std::size_t) override { the_commons_.deallocate(block); }
  bool do_is_equal(std::pmr::memory_resource const& other) const noexcept override { return this == &other; }
};

inline std::pmr::memory_resource* heap::resource() noexcept {
  // Never destroyed: containers in the commons may be freed after the static objects of this process.
  alignas(pmr_resource) static std::byte space[sizeof(pmr_resource)];
  static auto* const made = new (space) pmr_resource;
  return made;
}

}  // namespace tandem

#endif  // TANDEM_MEMORY_HEAP_HPP
