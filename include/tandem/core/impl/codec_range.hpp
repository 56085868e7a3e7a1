// SPDX-License-Identifier: BSL-1.0
// What the codecs of all containers of one element at a time have in common.
#ifndef TANDEM_CORE_IMPL_CODEC_RANGE_HPP
#define TANDEM_CORE_IMPL_CODEC_RANGE_HPP

#include <cstddef>  // for size_t
#include <cstdint>  // for uint64_t
#include <utility>  // for move

#include "tandem/core/codec.hpp"  // for codec

namespace tandem::impl {

/// A container to which elements are appended in order.
template <class Container> struct sequence_codec {
  using elements = types<typename Container::value_type>;
  static constexpr std::size_t least_size = sizeof(std::uint64_t);

  static void encode(writer& to, auto& value) {
    writer::level const inside{to};
    to.write_size(value.size());
    for (auto& element : value) encode_element(to, element);
  }

  static Container decode(reader& from) {
    using element = typename Container::value_type;
    reader::level const inside{from};
    Container value;
    for (std::size_t left = from.read_size(least_element<element>); left != 0; --left) {
      value.push_back(decode_element<element>(from));
    }
    return value;
  }
};

/// A set, ordered or not. Its comparison, hash and allocator are those made from nothing.
template <class Container> struct set_codec {
  using elements = types<typename Container::key_type>;
  static constexpr std::size_t least_size = sizeof(std::uint64_t);

  static void encode(writer& to, auto& value) {
    writer::level const inside{to};
    to.write_size(value.size());
    for (auto& element : value) encode_element(to, element);
  }

  static Container decode(reader& from) {
    using key = typename Container::key_type;
    reader::level const inside{from};
    Container value;
    std::size_t const size = from.read_size(least_element<key>);
    for (std::size_t i = 0; i != size; ++i) value.emplace_hint(value.end(), decode_element<key>(from));
    if (value.size() != size) bad_message("a set with an element twice");
    return value;
  }
};

/// A map, ordered or not. Its comparison, hash and allocator are those made from nothing.
template <class Container> struct map_codec {
  using key = typename Container::key_type;
  using mapped = typename Container::mapped_type;
  using elements = types<key, mapped>;
  static constexpr std::size_t least_size = sizeof(std::uint64_t);

  static void encode(writer& to, auto& value) {
    writer::level const inside{to};
    to.write_size(value.size());
    for (auto& element : value) {
      encode_element(to, element.first);
      encode_element(to, element.second);
    }
  }

  static Container decode(reader& from) {
    reader::level const inside{from};
    Container value;
    std::size_t const size = from.read_size(least_element<key> + 1);
    for (std::size_t i = 0; i != size; ++i) {
      auto first = decode_element<key>(from);
      value.emplace_hint(value.end(), std::move(first), decode_element<mapped>(from));
    }
    if (value.size() != size) bad_message("a map with a key twice");
    return value;
  }
};

}  // namespace tandem::impl

#endif  // TANDEM_CORE_IMPL_CODEC_RANGE_HPP
