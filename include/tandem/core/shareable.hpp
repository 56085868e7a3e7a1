// SPDX-License-Identifier: BSL-1.0
// Which types may live in shared memory.
#ifndef TANDEM_CORE_SHAREABLE_HPP
#define TANDEM_CORE_SHAREABLE_HPP

#include <array>        // for array
#include <atomic>       // for atomic, atomic_flag
#include <cstddef>      // for size_t
#include <optional>     // for optional
#include <tuple>        // for tuple
#include <type_traits>  // for is_pointer_v, is_reference_v, remove_cv_t
#include <utility>      // for pair

#include "tandem/core/flat.hpp"          // for flat
#include "tandem/core/impl/members.hpp"  // for decomposable, member_types

namespace tandem {

/// For a class of one's own that several units may use at once in shared memory: true says so.
///
///     template <> inline constexpr bool tandem::enable_shareable<ring_of_samples> = true;
///
/// @pre T's functions mean the same in every process that maps it: what T points to, if anything, lies in the commons
/// (or is
///      found by an offset), and T has no virtual functions if exec'd members use it. Concurrent use is T's own
///      business.
template <class T> inline constexpr bool enable_shareable = false;

namespace impl {

template <class T> consteval bool is_shareable();

template <class... T> consteval bool are_shareable(types<T...>) { return (is_shareable<T>() && ...); }

}  // namespace impl

// An atomic that takes a lock takes one of this process alone.
template <class T>
inline constexpr bool enable_shareable<std::atomic<T>> = impl::is_flat<T>() && std::atomic<T>::is_always_lock_free;
template <> inline constexpr bool enable_shareable<std::atomic_flag> = true;
template <class T, std::size_t N> inline constexpr bool enable_shareable<std::array<T, N>> = impl::is_shareable<T>();
template <class T, class U>
inline constexpr bool enable_shareable<std::pair<T, U>> = impl::is_shareable<T>() && impl::is_shareable<U>();
template <class... T> inline constexpr bool enable_shareable<std::tuple<T...>> = (impl::is_shareable<T>() && ...);
template <class T> inline constexpr bool enable_shareable<std::optional<T>> = impl::is_shareable<T>();

namespace impl {

template <class T> consteval bool is_shareable() {
  using value = std::remove_cv_t<T>;
  if constexpr (std::is_array_v<value>)
    return is_shareable<std::remove_all_extents_t<value>>();
  else if constexpr (!std::is_object_v<value> || std::is_pointer_v<value>)
    return enable_shareable<value>;
  else if constexpr (enable_shareable<value> || is_flat<value>())
    return true;
  else if constexpr (decomposable<value>)
    return are_shareable(member_types<value>{});
  else
    return false;
}

}  // namespace impl

/// A type that may live in shared memory and be used there by several units at once.
///
/// Found out by itself for flat types, lock-free std::atomic of them, and arrays, std::array, std::pair, std::tuple,
/// std::optional and aggregates (up to 16 members, no base class) of shareables; for any other class by
/// `enable_shareable`.
template <class T>
concept shareable = impl::is_shareable<T>();

}  // namespace tandem

#endif  // TANDEM_CORE_SHAREABLE_HPP
