// SPDX-License-Identifier: BSL-1.0
// Refuses what may not live in shared memory, in words that say what to use instead.
#ifndef TANDEM_CORE_IMPL_REQUIRE_SHAREABLE_HPP
#define TANDEM_CORE_IMPL_REQUIRE_SHAREABLE_HPP

#include <array>        // for array
#include <atomic>       // for atomic
#include <cstddef>      // for size_t
#include <optional>     // for optional
#include <tuple>        // for tuple
#include <type_traits>  // for is_pointer_v, is_reference_v, remove_cv_t
#include <utility>      // for pair

#include "tandem/core/impl/kinds.hpp"    // for never, the kinds
#include "tandem/core/impl/members.hpp"  // for member_types
#include "tandem/core/shareable.hpp"     // for shareable

namespace tandem::impl {

template <class T> inline constexpr bool is_atomic = false;
template <class T> inline constexpr bool is_atomic<std::atomic<T>> = true;

/// What a class template of std holds within itself.
template <class T> struct inner { using parts = types<>; };
template <class T, std::size_t N> struct inner<std::array<T, N>> { using parts = types<T>; };
template <class T, class U> struct inner<std::pair<T, U>> { using parts = types<T, U>; };
template <class... T> struct inner<std::tuple<T...>> { using parts = types<T...>; };
template <class T> struct inner<std::optional<T>> { using parts = types<T>; };

template <class T> consteval void require_shareable();

template <class... T> consteval void require_all_shareable(types<T...>) { (require_shareable<T>(), ...); }

/// Compiles where T is shareable. Where it is not, the first error says why, and what to use instead.
template <class T> consteval void require_shareable() {
  using value = std::remove_all_extents_t<std::remove_cv_t<T>>;
  if constexpr (shareable<T>) {
    return;
  } else if constexpr (std::is_pointer_v<value>) {
    static_assert(never<T>,
                  "tandem: a raw pointer leads into the memory of one process: use tandem::shared<T> for what it "
                  "points to, or tandem::offset_ptr within a mapping");
  } else if constexpr (std::is_reference_v<value>) {
    static_assert(
        never<T>,
        "tandem: a reference leads into the memory of one process: use tandem::shared<T> for what it refers to");
  } else if constexpr (string_of_std<value>) {
    static_assert(never<T>, "tandem: std::string keeps its text in the memory of one process: use tandem::shm::string");
  } else if constexpr (counted_pointer<value> || owning_pointer<value>) {
    static_assert(never<T>,
                  "tandem: a smart pointer of std leads into the memory of one process: use tandem::shared<T>");
  } else if constexpr (map_of_std<value>) {
    static_assert(never<T>,
                  "tandem: a map of std keeps its elements in the memory of one process: use tandem::shm::map or "
                  "tandem::shm::unordered_map");
  } else if constexpr (container_of_std<value>) {
    static_assert(never<T>,
                  "tandem: a container of std keeps its elements in the memory of one process: use "
                  "tandem::shm::vector, or the like-named sibling in tandem::shm");
  } else if constexpr (view_of_memory<value>) {
    static_assert(never<T>,
                  "tandem: a view looks into the memory of one process: use tandem::shm::string or "
                  "tandem::shm::vector, which own what they hold");
  } else if constexpr (function_of_std<value>) {
    static_assert(never<T>,
                  "tandem: std::function keeps its closure in the memory of one process: share the data, as "
                  "tandem::shared<T>, and pass the function to each unit");
  } else if constexpr (lock_of_std<value>) {
    static_assert(never<T>, "tandem: this lock of std works within one process: use the like-named type in tandem");
  } else if constexpr (is_atomic<value>) {
    static_assert(never<T>,
                  "tandem: this std::atomic takes a lock of one process, or is not of a flat type: use "
                  "tandem::synchronized_value<T> for large values, tandem::shared<T> for what a pointer points to");
  } else if constexpr (!std::is_same_v<typename inner<value>::parts, types<>>) {
    require_all_shareable(typename inner<value>::parts{});
  } else if constexpr (decomposable<value>) {
    require_all_shareable(member_types<value>{});
  } else {
    static_assert(never<T>,
                  "tandem: this class is not known to work in shared memory: specialise "
                  "tandem::enable_shareable<T> if it does");
  }
}

}  // namespace tandem::impl

#endif  // TANDEM_CORE_IMPL_REQUIRE_SHAREABLE_HPP
