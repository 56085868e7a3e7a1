// SPDX-License-Identifier: BSL-1.0
// Objects in anonymous shared memory, for as long as a test case runs.
#ifndef TANDEM_TESTS_SUPPORT_PLACE_HPP
#define TANDEM_TESTS_SUPPORT_PLACE_HPP

#include <cstddef>      // for size_t
#include <memory>       // for destroy_at
#include <new>          // for placement new
#include <type_traits>  // for is_constructible_v
#include <utility>      // for forward

namespace tandem_test {

/// Destroys what was placed, the newest first, and unmaps it. Called by the listener at the end of each test case.
void clear_places();

namespace inner {

// Shared memory of its own pages, zeroed; `destroy` is called for it by clear_places().
void* new_place(std::size_t size, void (*destroy)(void*));

template <class T, class... Args> T& place_in_shared_memory(Args&&... args) {
  static_assert(alignof(T) <= 4096, "a place begins with a page");
  void* const memory = new_place(sizeof(T), [](void* object) { std::destroy_at(static_cast<T*>(object)); });
  if constexpr (std::is_constructible_v<T, Args...>) {
    return *::new (memory) T(std::forward<Args>(args)...);
  } else {
    return *::new (memory) T{std::forward<Args>(args)...};  // an aggregate
  }
}

}  // namespace inner

/// A T that this process and all it forks from now on see alike.
template <class T, class... Args> T& place(Args&&... args) {
  return inner::place_in_shared_memory<T>(std::forward<Args>(args)...);
}

}  // namespace tandem_test

#endif  // TANDEM_TESTS_SUPPORT_PLACE_HPP
