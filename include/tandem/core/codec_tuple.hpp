// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_CORE_CODEC_TUPLE_HPP
#define TANDEM_CORE_CODEC_TUPLE_HPP

#include <array>    // for array
#include <cstddef>  // for size_t
#include <tuple>    // for tuple, apply
#include <utility>  // for pair, index_sequence

#include "tandem/core/codec.hpp"  // for codec

namespace tandem {

template <class T, class U> struct codec<std::pair<T, U>> {
  using elements = impl::types<T, U>;
  static constexpr std::size_t least_size = impl::sum_of_least(elements{});

  static void encode(writer& to, auto& value) {
    impl::encode_member(to, value.first);
    impl::encode_member(to, value.second);
  }
  static std::pair<T, U> decode(reader& from) { return impl::decode_members<std::pair<T, U>>(from, elements{}); }
};

template <class... T> struct codec<std::tuple<T...>> {
  using elements = impl::types<T...>;
  static constexpr std::size_t least_size = impl::sum_of_least(elements{});

  static void encode(writer& to, auto& value) {
    std::apply([&to](auto&... element) { (impl::encode_member(to, element), ...); }, value);
  }
  static std::tuple<T...> decode(reader& from) { return impl::decode_members<std::tuple<T...>>(from, elements{}); }
};

/// An array of what is not encoded as bytes (one of what is, is so itself).
template <class T, std::size_t N>
  requires(!impl::has_plain_members<std::array<T, N>>())
struct codec<std::array<T, N>> {
  using elements = impl::types<T>;
  static constexpr std::size_t least_size = N * impl::least_size<T>();

  static void encode(writer& to, auto& value) {
    for (auto& element : value) impl::encode_member(to, element);
  }

  static std::array<T, N> decode(reader& from) { return decode(from, std::make_index_sequence<N>{}); }

 private:
  template <std::size_t... I> static std::array<T, N> decode(reader& from, std::index_sequence<I...>) {
    return {{(static_cast<void>(I), codec<T>::decode(from))...}};
  }
};

}  // namespace tandem

#endif  // TANDEM_CORE_CODEC_TUPLE_HPP
