// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_CORE_CODEC_OPTIONAL_HPP
#define TANDEM_CORE_CODEC_OPTIONAL_HPP

#include <optional>     // for optional
#include <type_traits>  // for remove_cv_t

#include "tandem/core/codec.hpp"  // for codec

namespace tandem {

template <class T> struct codec<std::optional<T>> {
  using elements = impl::types<T>;
  static constexpr std::size_t least_size = 1;

  static void encode(writer& to, auto& value) {
    to.write_flat(value.has_value());
    if (value) impl::encode_member(to, *value);
  }

  static std::optional<T> decode(reader& from) {
    if (!from.read_flat<bool>()) return std::nullopt;
    return std::optional<T>{codec<std::remove_cv_t<T>>::decode(from)};
  }
};

}  // namespace tandem

#endif  // TANDEM_CORE_CODEC_OPTIONAL_HPP
