// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_CORE_CODEC_VARIANT_HPP
#define TANDEM_CORE_CODEC_VARIANT_HPP

#include <cstddef>    // for size_t
#include <cstdint>    // for uint8_t
#include <stdexcept>  // for invalid_argument
#include <utility>    // for index_sequence, in_place_index
#include <variant>    // for variant, visit

#include "tandem/core/codec.hpp"      // for codec
#include "tandem/core/shareable.hpp"  // for enable_shareable

namespace tandem {

/// The number of the alternative, and its value. One that is valueless by exception has no value to send:
/// std::invalid_argument.
template <class... T> struct codec<std::variant<T...>> {
  using variant = std::variant<T...>;
  using elements = impl::types<T...>;
  static constexpr std::size_t least_size = 1;
  static_assert(sizeof...(T) < 256, "tandem: a variant of up to 255 alternatives can be sent");

  static void encode(writer& to, auto& value) {
    if (value.valueless_by_exception()) throw std::invalid_argument{"tandem: encode: a std::variant without a value"};
    to.write_flat(static_cast<std::uint8_t>(value.index()));
    std::visit([&to](auto& held) { impl::encode_member(to, held); }, value);
  }

  static variant decode(reader& from) { return decode(from, std::index_sequence_for<T...>{}); }

 private:
  template <std::size_t... I> static variant decode(reader& from, std::index_sequence<I...>) {
    using decoder = variant (*)(reader&);
    static constexpr decoder decoders[] = {&alternative<I, T>...};
    std::size_t const index = from.read_flat<std::uint8_t>();
    if (index >= sizeof...(T)) impl::bad_message("a variant without such an alternative");
    return decoders[index](from);
  }

  template <std::size_t I, class Alternative> static variant alternative(reader& from) {
    return variant{std::in_place_index<I>, codec<Alternative>::decode(from)};
  }
};

template <class... T> inline constexpr bool enable_shareable<std::variant<T...>> = (impl::is_shareable<T>() && ...);

}  // namespace tandem

#endif  // TANDEM_CORE_CODEC_VARIANT_HPP
