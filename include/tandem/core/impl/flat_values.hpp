// SPDX-License-Identifier: BSL-1.0
// Bytes of another process that are to become a flat value: all patterns are one, but for `bool`, which may be 0 or 1
// alone.
#ifndef TANDEM_CORE_IMPL_FLAT_VALUES_HPP
#define TANDEM_CORE_IMPL_FLAT_VALUES_HPP

#include <array>        // for array
#include <cstddef>      // for size_t
#include <cstring>      // for memcpy
#include <type_traits>  // for is_enum_v, underlying_type_t

#include "tandem/core/flat.hpp"          // for enable_flat
#include "tandem/core/impl/members.hpp"  // for with_members, member_types

namespace tandem::impl {

template <class T> consteval bool holds_bool();

template <class... T> consteval bool hold_bool(types<T...>) { return (holds_bool<T>() || ...); }

template <class T> inline constexpr bool is_array_of_bool = false;
template <class T, std::size_t N> inline constexpr bool is_array_of_bool<std::array<T, N>> = holds_bool<T>();

template <class T> inline constexpr bool is_std_array = false;
template <class T, std::size_t N> inline constexpr bool is_std_array<std::array<T, N>> = true;

template <class T> struct underlying { using type = T; };
template <class T>
  requires std::is_enum_v<T>
struct underlying<T> {
  using type = std::underlying_type_t<T>;
};

template <class T> inline constexpr bool is_bool = std::is_same_v<typename underlying<std::remove_cv_t<T>>::type, bool>;

/// Whether some bytes are no value of the flat type T. (A class under `enable_flat` has promised that all are.)
template <class T> consteval bool holds_bool() {
  using value = std::remove_cv_t<T>;
  if constexpr (std::is_array_v<value>)
    return holds_bool<std::remove_all_extents_t<value>>();
  else if constexpr (enable_flat<value>)
    return false;
  else if constexpr (is_std_array<value>)
    return is_array_of_bool<value>;
  else if constexpr (decomposable<value>)
    return hold_bool(member_types<value>{});
  else
    return is_bool<value>;
}

/// Whether the bytes at `uncertain` are a value of the flat type T. Reads bytes only, so it may be called before that
/// is known. Members are taken by const reference: a bit-field is then a temporary, made of as many bits as it has,
/// which is always a value.
template <class T> bool is_value(T const& uncertain) noexcept {
  if constexpr (!holds_bool<T>()) {
    return true;
  } else if constexpr (std::is_array_v<T> || is_std_array<T>) {
    for (auto const& element : uncertain) {
      if (!is_value(element)) return false;
    }
    return true;
  } else if constexpr (decomposable<T>) {
    return with_members(uncertain, [](auto const&... member) { return (is_value(member) && ...); });
  } else {
    unsigned char byte;
    std::memcpy(&byte, &uncertain, 1);
    return byte <= 1;
  }
}

}  // namespace tandem::impl

#endif  // TANDEM_CORE_IMPL_FLAT_VALUES_HPP
