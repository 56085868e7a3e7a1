// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_CORE_CODEC_STRING_HPP
#define TANDEM_CORE_CODEC_STRING_HPP

#include <cstddef>  // for size_t
#include <cstdint>  // for uint64_t
#include <string>   // for basic_string

#include "tandem/core/codec.hpp"  // for codec

namespace tandem {

/// Text with any allocator that can be made from nothing; it comes back with such a one.
template <flat Char, class Traits, class Allocator> struct codec<std::basic_string<Char, Traits, Allocator>> {
  using string = std::basic_string<Char, Traits, Allocator>;
  static constexpr std::size_t least_size = sizeof(std::uint64_t);
  static constexpr bool carries_descriptors = false;

  static void encode(writer& to, string const& value) {
    to.write_size(value.size());
    to.write(value.data(), value.size() * sizeof(Char));
  }

  static string decode(reader& from) {
    string value(from.read_size(sizeof(Char)), Char{});
    from.read(value.data(), value.size() * sizeof(Char));
    return value;
  }
};

}  // namespace tandem

#endif  // TANDEM_CORE_CODEC_STRING_HPP
