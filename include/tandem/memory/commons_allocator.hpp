// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_MEMORY_COMMONS_ALLOCATOR_HPP
#define TANDEM_MEMORY_COMMONS_ALLOCATOR_HPP

#include <cstddef>      // for size_t
#include <new>          // for bad_array_new_length
#include <type_traits>  // for true_type

#include "tandem/memory/impl/heap_blocks.hpp"  // for blocks
#include "tandem/memory/impl/travel.hpp"       // for given_to_child

namespace tandem {

/// An allocator of the commons for std's containers. It has no state, so a container carries no pointer of its
/// process's private memory, and works in every member of the family that maps the commons.
///
/// @par Shared memory          A container that uses it may live in the commons, with all it holds.
/// @par Threads and processes  As heap. The container itself is as safe for concurrent use as it is with
///                             std::allocator: not, unless all only read.
/// @par Peer death             The commons stay whole. A container that was being changed is left as it was then.
template <class T> class commons_allocator {
 public:
  using value_type = T;
  using is_always_equal = std::true_type;
  using propagate_on_container_move_assignment = std::true_type;

  constexpr commons_allocator() noexcept = default;
  template <class U> constexpr commons_allocator(commons_allocator<U> const&) noexcept {}

  /// Room for `count` objects.
  /// @throws std::bad_array_new_length where that many objects have no size.
  /// @throws std::bad_alloc, std::system_error as heap::allocate.
  [[nodiscard]] T* allocate(std::size_t count) {
    if (count > ~std::size_t{0} / sizeof(T)) throw std::bad_array_new_length();
    return static_cast<T*>(impl::blocks::allocate(count * sizeof(T), alignof(T)));
  }

  /// Gives it back. @pre `at` was returned by allocate of any commons_allocator, in any process of the family
  void deallocate(T* at, std::size_t) noexcept {
    if (!impl::given_to_child) [[likely]]
      impl::blocks::deallocate(at);
  }

  template <class U> friend constexpr bool operator==(commons_allocator const&, commons_allocator<U> const&) noexcept {
    return true;
  }
};

}  // namespace tandem

#endif  // TANDEM_MEMORY_COMMONS_ALLOCATOR_HPP
