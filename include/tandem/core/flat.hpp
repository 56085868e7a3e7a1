// SPDX-License-Identifier: BSL-1.0
// Which types are their bytes.
#ifndef TANDEM_CORE_FLAT_HPP
#define TANDEM_CORE_FLAT_HPP

#include <array>        // for array
#include <cstddef>      // for size_t
#include <mutex>        // for chrono's durations and time points: <chrono> adds its formatting, a quarter more to parse
#include <type_traits>  // for is_trivially_copyable_v, is_arithmetic_v, is_enum_v, remove_cv_t

#include "tandem/core/impl/members.hpp"  // for decomposable, member_types

namespace tandem {

/// For a trivially copyable class of one's own that is no aggregate: true says that its bytes are its value, wherever
/// they are.
///
///     template <> inline constexpr bool tandem::enable_flat<money> = true;
///
/// @pre No pointer, reference, or anything else that means something in one process only lies in T, and *every* pattern
///      of bytes is a value that T's functions can bear: bytes that another process wrote are taken as they are. Where
///      some are not, write a codec, which can check.
template <class T> inline constexpr bool enable_flat = false;

template <class Rep, class Period>
inline constexpr bool enable_flat<std::chrono::duration<Rep, Period>> = enable_flat<Rep> || std::is_arithmetic_v<Rep>;

template <class Clock, class Duration>
inline constexpr bool enable_flat<std::chrono::time_point<Clock, Duration>> = enable_flat<Duration>;

namespace impl {

template <class T> consteval bool is_flat();

template <class... T> consteval bool are_flat(types<T...>) { return (is_flat<T>() && ...); }

template <class T> inline constexpr bool is_flat_array = false;
template <class T, std::size_t N> inline constexpr bool is_flat_array<std::array<T, N>> = is_flat<T>();

template <class T> consteval bool is_flat() {
  using value = std::remove_cv_t<T>;
  if constexpr (!std::is_trivially_copyable_v<value>) {
    return false;
  } else if constexpr (std::is_array_v<value>) {
    return is_flat<std::remove_all_extents_t<value>>();
  } else if constexpr (enable_flat<value> || is_flat_array<value>) {
    return true;
  } else if constexpr (decomposable<value>) {
    return are_flat(member_types<value>{});
  } else {
    return std::is_arithmetic_v<value> || std::is_enum_v<value>;
  }
}

}  // namespace impl

/// A type whose bytes are its value: trivially copyable, and no pointer or reference inside.
///
/// Found out by itself for numbers, `bool`, enumerations, arrays, std::array, the durations and time points of chrono,
/// and for aggregates of these (up to 16 members, no base class, no anonymous union); for any other class by
/// `enable_flat`. Padding is part of the bytes and travels as it is.
template <class T>
concept flat = impl::is_flat<T>();

}  // namespace tandem

#endif  // TANDEM_CORE_FLAT_HPP
