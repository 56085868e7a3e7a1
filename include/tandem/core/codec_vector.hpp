// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_CORE_CODEC_VECTOR_HPP
#define TANDEM_CORE_CODEC_VECTOR_HPP

#include <cstddef>      // for size_t
#include <cstdint>      // for uint64_t, uintptr_t
#include <cstring>      // for memcpy
#include <type_traits>  // for is_default_constructible_v
#include <vector>       // for vector

#include "tandem/core/codec.hpp"  // for codec

namespace tandem {

/// A vector with any allocator that can be made from nothing; it comes back with such a one. Flat elements are copied
/// in one piece.
template <class T, class Allocator> struct codec<std::vector<T, Allocator>> {
  using vector = std::vector<T, Allocator>;
  using elements = impl::types<T>;
  static constexpr std::size_t least_size = sizeof(std::uint64_t);

  static void encode(writer& to, auto& value) {
    to.write_size(value.size());
    if constexpr (impl::is_encoded_as_bytes<T>()) {
      to.write(value.data(), value.size() * sizeof(T));
    } else {
      writer::level const inside{to};
      for (auto& element : value) impl::encode_element(to, element);
    }
  }

  static vector decode(reader& from) {
    std::size_t const size = from.read_size(impl::least_element<T>);
    if constexpr (impl::is_encoded_as_bytes<T>() && std::is_default_constructible_v<T> && !impl::holds_bool<T>()) {
      auto const bytes = from.take(size * sizeof(T));
      if (reinterpret_cast<std::uintptr_t>(bytes.data()) % alignof(T) == 0) {
        auto const* const first = reinterpret_cast<T const*>(bytes.data());
        return vector(first, first + size);  // written once, not zeroed before
      }
      vector value(size);
      if (size != 0) std::memcpy(value.data(), bytes.data(), bytes.size());
      return value;
    } else {
      reader::level const inside{from};
      vector value;
      value.reserve(
          std::min(size, from.left() / sizeof(T)));  // as much as lies there already; the rest as it is proven
      for (std::size_t i = 0; i != size; ++i) value.push_back(impl::decode_element<T>(from));
      return value;
    }
  }
};

/// A vector of bool, eight to a byte.
template <class Allocator> struct codec<std::vector<bool, Allocator>> {
  using vector = std::vector<bool, Allocator>;
  static constexpr std::size_t least_size = sizeof(std::uint64_t);
  static constexpr bool carries_descriptors = false;

  static void encode(writer& to, vector const& value) {
    to.write_size(value.size());
    for (std::size_t i = 0; i < value.size(); i += 8) {
      unsigned byte = 0;
      for (std::size_t bit = 0; bit != 8 && i + bit != value.size(); ++bit) byte |= unsigned{value[i + bit]} << bit;
      to.write_flat(static_cast<unsigned char>(byte));
    }
  }

  static vector decode(reader& from) {
    auto const size = from.read_flat<std::uint64_t>();
    if (size / 8 + (size % 8 != 0) > from.left()) impl::bad_message("more elements than the bytes can hold");
    vector value(size);
    for (std::size_t i = 0; i < size; i += 8) {
      unsigned const byte = from.read_flat<unsigned char>();
      for (std::size_t bit = 0; bit != 8 && i + bit != size; ++bit) value[i + bit] = (byte >> bit & 1U) != 0;
    }
    return value;
  }
};

}  // namespace tandem

#endif  // TANDEM_CORE_CODEC_VECTOR_HPP
