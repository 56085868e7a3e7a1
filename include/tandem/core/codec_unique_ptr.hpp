// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_CORE_CODEC_UNIQUE_PTR_HPP
#define TANDEM_CORE_CODEC_UNIQUE_PTR_HPP

#include <memory>       // for unique_ptr, make_unique
#include <stdexcept>    // for invalid_argument
#include <type_traits>  // for is_array_v, is_polymorphic_v
#include <typeinfo>     // for type_info

#include "tandem/core/codec.hpp"  // for codec

namespace tandem {

/// What it owns, if anything: the receiver gets one that owns an equal object. An object whose class is derived from T
/// would arrive as half of itself: std::invalid_argument.
template <class T>
  requires(!std::is_array_v<T>)
struct codec<std::unique_ptr<T>> {
  using elements = impl::types<T>;
  static constexpr std::size_t least_size = 1;

  static void encode(writer& to, auto& value) {
    to.write_flat(value != nullptr);
    if (value == nullptr) return;
    T& owned = *value;
    if constexpr (std::is_polymorphic_v<T>) {
      if (typeid(owned) != typeid(T))
        throw std::invalid_argument{"tandem: encode: a std::unique_ptr to a derived class"};
    }
    writer::level const inside{to};
    impl::encode_member(to, owned);
  }

  static std::unique_ptr<T> decode(reader& from) {
    if (!from.read_flat<bool>()) return nullptr;
    reader::level const inside{from};
    return std::make_unique<T>(codec<std::remove_cv_t<T>>::decode(from));
  }
};

}  // namespace tandem

#endif  // TANDEM_CORE_CODEC_UNIQUE_PTR_HPP
