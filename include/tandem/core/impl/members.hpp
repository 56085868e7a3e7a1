// SPDX-License-Identifier: BSL-1.0
// The members of an aggregate, counted and reached without its help.
//
// Counting: `T{{}, {}, {}}` is well formed as long as there is a member for each pair of braces, whatever the members
// are (an array takes one pair), provided that each can be initialised from nothing. Where one cannot, the count is
// taken with arguments that convert to anything instead. Reaching: a structured binding with as many names as were
// counted.
#ifndef TANDEM_CORE_IMPL_MEMBERS_HPP
#define TANDEM_CORE_IMPL_MEMBERS_HPP

#include <cstddef>      // for size_t
#include <type_traits>  // for is_aggregate_v, is_base_of_v, remove_cv_t
#include <utility>      // for tuple_size, forward

namespace tandem::impl {

/// The most members an aggregate may have to be taken apart.
inline constexpr int most_members = 16;

/// A list of types, as a value.
template <class... T> struct types {};

template <class T, class... U> inline constexpr bool is_one_of = (std::is_same_v<T, U> || ...);

// Converts to whatever a member may be; only asked, never called.
struct anything {
  template <class U> operator U() const noexcept;
};

// Converts to the bases of T alone, so that `T{base_of<T>}` tells whether T has one in its first place.
template <class T> struct base_of {
  template <class U>
    requires(std::is_base_of_v<U, T> && !std::is_same_v<std::remove_cv_t<U>, T>)
  operator U() const noexcept;
};

/// The number of members of the aggregate T; -1 where they cannot be counted, or are more than `most_members`.
template <class T> consteval int count_members() {
  using any = anything;
  // One more than can be taken apart comes first: it means "too many".
  if constexpr (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; })
    return -1;
  else if constexpr (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; })
    return 16;
  else if constexpr (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; })
    return 15;
  else if constexpr (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; })
    return 14;
  else if constexpr (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; })
    return 13;
  else if constexpr (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; })
    return 12;
  else if constexpr (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; })
    return 11;
  else if constexpr (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}}; })
    return 10;
  else if constexpr (requires { T{{}, {}, {}, {}, {}, {}, {}, {}, {}}; })
    return 9;
  else if constexpr (requires { T{{}, {}, {}, {}, {}, {}, {}, {}}; })
    return 8;
  else if constexpr (requires { T{{}, {}, {}, {}, {}, {}, {}}; })
    return 7;
  else if constexpr (requires { T{{}, {}, {}, {}, {}, {}}; })
    return 6;
  else if constexpr (requires { T{{}, {}, {}, {}, {}}; })
    return 5;
  else if constexpr (requires { T{{}, {}, {}, {}}; })
    return 4;
  else if constexpr (requires { T{{}, {}, {}}; })
    return 3;
  else if constexpr (requires { T{{}, {}}; })
    return 2;
  else if constexpr (requires { T{{}}; })
    return 1;
  else if constexpr (requires {
                       T{any{}, any{}, any{}, any{}, any{}, any{}, any{}, any{}, any{},
                         any{}, any{}, any{}, any{}, any{}, any{}, any{}, any{}};
                     })
    return -1;
  else if constexpr (requires {
                       T{any{}, any{}, any{}, any{}, any{}, any{}, any{}, any{},
                         any{}, any{}, any{}, any{}, any{}, any{}, any{}, any{}};
                     })
    return 16;
  else if constexpr (requires {
                       T{any{}, any{}, any{}, any{}, any{}, any{}, any{}, any{},
                         any{}, any{}, any{}, any{}, any{}, any{}, any{}};
                     })
    return 15;
  else if constexpr (requires {
                       T{any{}, any{}, any{}, any{}, any{}, any{}, any{},
                         any{}, any{}, any{}, any{}, any{}, any{}, any{}};
                     })
    return 14;
  else if constexpr (requires {
                       T{any{}, any{}, any{}, any{}, any{}, any{}, any{}, any{}, any{}, any{}, any{}, any{}, any{}};
                     })
    return 13;
  else if constexpr (requires {
                       T{any{}, any{}, any{}, any{}, any{}, any{}, any{}, any{}, any{}, any{}, any{}, any{}};
                     })
    return 12;
  else if constexpr (requires { T{any{}, any{}, any{}, any{}, any{}, any{}, any{}, any{}, any{}, any{}, any{}}; })
    return 11;
  else if constexpr (requires { T{any{}, any{}, any{}, any{}, any{}, any{}, any{}, any{}, any{}, any{}}; })
    return 10;
  else if constexpr (requires { T{any{}, any{}, any{}, any{}, any{}, any{}, any{}, any{}, any{}}; })
    return 9;
  else if constexpr (requires { T{any{}, any{}, any{}, any{}, any{}, any{}, any{}, any{}}; })
    return 8;
  else if constexpr (requires { T{any{}, any{}, any{}, any{}, any{}, any{}, any{}}; })
    return 7;
  else if constexpr (requires { T{any{}, any{}, any{}, any{}, any{}, any{}}; })
    return 6;
  else if constexpr (requires { T{any{}, any{}, any{}, any{}, any{}}; })
    return 5;
  else if constexpr (requires { T{any{}, any{}, any{}, any{}}; })
    return 4;
  else if constexpr (requires { T{any{}, any{}, any{}}; })
    return 3;
  else if constexpr (requires { T{any{}, any{}}; })
    return 2;
  else if constexpr (requires { T{any{}}; })
    return 1;
  else
    return std::is_empty_v<T> ? 0 : -1;
}

template <class T>
concept tuple_like = requires {
  std::tuple_size<std::remove_cv_t<T>>::value;
};

template <class T> consteval int members_of() {
  if constexpr (!std::is_class_v<T> || !std::is_aggregate_v<T> || tuple_like<T>)
    return -1;
  else if constexpr (std::is_empty_v<T>)
    return 0;
  else if constexpr (requires { T{base_of<T>{}}; })
    return -1;  // structured bindings would mix the base's members with T's
  else
    return count_members<T>();
}

/// How many members T has that can be reached; -1 where T cannot be taken apart.
template <class T> inline constexpr int member_count = members_of<std::remove_cv_t<T>>();

/// A class that can be taken apart into its members: an aggregate of up to 16 of them, without base classes.
template <class T>
concept decomposable = member_count<T>
>= 0;

/// Calls `visit` with an lvalue of each member of `value`, in order.
template <class T, class F> constexpr decltype(auto) with_members(T& value, F&& visit) {
  constexpr int count = member_count<T>;
  static_assert(count >= 0);
  if constexpr (count == 0) {
    return std::forward<F>(visit)();
  } else if constexpr (count == 1) {
    auto& [a] = value;
    return std::forward<F>(visit)(a);
  } else if constexpr (count == 2) {
    auto& [a, b] = value;
    return std::forward<F>(visit)(a, b);
  } else if constexpr (count == 3) {
    auto& [a, b, c] = value;
    return std::forward<F>(visit)(a, b, c);
  } else if constexpr (count == 4) {
    auto& [a, b, c, d] = value;
    return std::forward<F>(visit)(a, b, c, d);
  } else if constexpr (count == 5) {
    auto& [a, b, c, d, e] = value;
    return std::forward<F>(visit)(a, b, c, d, e);
  } else if constexpr (count == 6) {
    auto& [a, b, c, d, e, f] = value;
    return std::forward<F>(visit)(a, b, c, d, e, f);
  } else if constexpr (count == 7) {
    auto& [a, b, c, d, e, f, g] = value;
    return std::forward<F>(visit)(a, b, c, d, e, f, g);
  } else if constexpr (count == 8) {
    auto& [a, b, c, d, e, f, g, h] = value;
    return std::forward<F>(visit)(a, b, c, d, e, f, g, h);
  } else if constexpr (count == 9) {
    auto& [a, b, c, d, e, f, g, h, i] = value;
    return std::forward<F>(visit)(a, b, c, d, e, f, g, h, i);
  } else if constexpr (count == 10) {
    auto& [a, b, c, d, e, f, g, h, i, j] = value;
    return std::forward<F>(visit)(a, b, c, d, e, f, g, h, i, j);
  } else if constexpr (count == 11) {
    auto& [a, b, c, d, e, f, g, h, i, j, k] = value;
    return std::forward<F>(visit)(a, b, c, d, e, f, g, h, i, j, k);
  } else if constexpr (count == 12) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l] = value;
    return std::forward<F>(visit)(a, b, c, d, e, f, g, h, i, j, k, l);
  } else if constexpr (count == 13) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l, m] = value;
    return std::forward<F>(visit)(a, b, c, d, e, f, g, h, i, j, k, l, m);
  } else if constexpr (count == 14) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n] = value;
    return std::forward<F>(visit)(a, b, c, d, e, f, g, h, i, j, k, l, m, n);
  } else if constexpr (count == 15) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o] = value;
    return std::forward<F>(visit)(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o);
  } else if constexpr (count == 16) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = value;
    return std::forward<F>(visit)(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p);
  }
}

template <class T> constexpr auto list_members(T& value) {
  constexpr int count = member_count<T>;
  static_assert(count >= 0);
  if constexpr (count == 0) {
    return types<>{};
  } else if constexpr (count == 1) {
    [[maybe_unused]] auto& [a] = value;
    return types<decltype(a)>{};
  } else if constexpr (count == 2) {
    [[maybe_unused]] auto& [a, b] = value;
    return types<decltype(a), decltype(b)>{};
  } else if constexpr (count == 3) {
    [[maybe_unused]] auto& [a, b, c] = value;
    return types<decltype(a), decltype(b), decltype(c)>{};
  } else if constexpr (count == 4) {
    [[maybe_unused]] auto& [a, b, c, d] = value;
    return types<decltype(a), decltype(b), decltype(c), decltype(d)>{};
  } else if constexpr (count == 5) {
    [[maybe_unused]] auto& [a, b, c, d, e] = value;
    return types<decltype(a), decltype(b), decltype(c), decltype(d), decltype(e)>{};
  } else if constexpr (count == 6) {
    [[maybe_unused]] auto& [a, b, c, d, e, f] = value;
    return types<decltype(a), decltype(b), decltype(c), decltype(d), decltype(e), decltype(f)>{};
  } else if constexpr (count == 7) {
    [[maybe_unused]] auto& [a, b, c, d, e, f, g] = value;
    return types<decltype(a), decltype(b), decltype(c), decltype(d), decltype(e), decltype(f), decltype(g)>{};
  } else if constexpr (count == 8) {
    [[maybe_unused]] auto& [a, b, c, d, e, f, g, h] = value;
    return types<decltype(a), decltype(b), decltype(c), decltype(d), decltype(e), decltype(f), decltype(g),
                 decltype(h)>{};
  } else if constexpr (count == 9) {
    [[maybe_unused]] auto& [a, b, c, d, e, f, g, h, i] = value;
    return types<decltype(a), decltype(b), decltype(c), decltype(d), decltype(e), decltype(f), decltype(g), decltype(h),
                 decltype(i)>{};
  } else if constexpr (count == 10) {
    [[maybe_unused]] auto& [a, b, c, d, e, f, g, h, i, j] = value;
    return types<decltype(a), decltype(b), decltype(c), decltype(d), decltype(e), decltype(f), decltype(g), decltype(h),
                 decltype(i), decltype(j)>{};
  } else if constexpr (count == 11) {
    [[maybe_unused]] auto& [a, b, c, d, e, f, g, h, i, j, k] = value;
    return types<decltype(a), decltype(b), decltype(c), decltype(d), decltype(e), decltype(f), decltype(g), decltype(h),
                 decltype(i), decltype(j), decltype(k)>{};
  } else if constexpr (count == 12) {
    [[maybe_unused]] auto& [a, b, c, d, e, f, g, h, i, j, k, l] = value;
    return types<decltype(a), decltype(b), decltype(c), decltype(d), decltype(e), decltype(f), decltype(g), decltype(h),
                 decltype(i), decltype(j), decltype(k), decltype(l)>{};
  } else if constexpr (count == 13) {
    [[maybe_unused]] auto& [a, b, c, d, e, f, g, h, i, j, k, l, m] = value;
    return types<decltype(a), decltype(b), decltype(c), decltype(d), decltype(e), decltype(f), decltype(g), decltype(h),
                 decltype(i), decltype(j), decltype(k), decltype(l), decltype(m)>{};
  } else if constexpr (count == 14) {
    [[maybe_unused]] auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n] = value;
    return types<decltype(a), decltype(b), decltype(c), decltype(d), decltype(e), decltype(f), decltype(g), decltype(h),
                 decltype(i), decltype(j), decltype(k), decltype(l), decltype(m), decltype(n)>{};
  } else if constexpr (count == 15) {
    [[maybe_unused]] auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o] = value;
    return types<decltype(a), decltype(b), decltype(c), decltype(d), decltype(e), decltype(f), decltype(g), decltype(h),
                 decltype(i), decltype(j), decltype(k), decltype(l), decltype(m), decltype(n), decltype(o)>{};
  } else if constexpr (count == 16) {
    [[maybe_unused]] auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = value;
    return types<decltype(a), decltype(b), decltype(c), decltype(d), decltype(e), decltype(f), decltype(g), decltype(h),
                 decltype(i), decltype(j), decltype(k), decltype(l), decltype(m), decltype(n), decltype(o),
                 decltype(p)>{};
  }
}

/// The types of T's members, as declared, references included.
template <class T> using member_types = decltype(list_members(std::declval<T&>()));

}  // namespace tandem::impl

#endif  // TANDEM_CORE_IMPL_MEMBERS_HPP
