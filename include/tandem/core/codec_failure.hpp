// SPDX-License-Identifier: BSL-1.0
// Failures and outcomes as values: a process may join units of its own, and hand on what became of them.
#ifndef TANDEM_CORE_CODEC_FAILURE_HPP
#define TANDEM_CORE_CODEC_FAILURE_HPP

#include <type_traits>  // for is_void_v
#include <utility>      // for move

#include "tandem/core/codec.hpp"                // for codec
#include "tandem/core/exception_transport.hpp"  // for encode_chain, decode_exception
#include "tandem/core/outcome.hpp"              // for outcome

namespace tandem {

template <> struct codec<failure> {
  static constexpr std::size_t least_size = 1;
  static constexpr bool carries_descriptors = false;

  static void encode(writer& to, failure const& value) {
    impl::encode_fields(to, value);
    auto const& thrown = impl::failure_access::exception(value);
    to.write_flat(thrown != nullptr);
    if (thrown != nullptr) impl::encode_chain(to, thrown);
  }

  static failure decode(reader& from) {
    auto value = impl::decode_fields(from);
    if (!from.read_flat<bool>()) return value;
    auto thrown = impl::decode_exception(from);
    if (value.how() != ending::threw) impl::bad_message("an exception of a unit that threw none");
    return failure::remote(value.unit(), std::move(thrown), value.usage());
  }
};

/// Its failure, if it has one, counts as looked at here: it is the receiver's to look at.
template <class R> struct codec<outcome<R>> {
  using elements = impl::types<R, failure>;
  static constexpr std::size_t least_size = 1;

  static void encode(writer& to, auto& value) {
    to.write_flat(value.has_value());
    if (value.has_value())
      codec<R>::encode(to, *value);
    else
      codec<failure>::encode(to, value.error());
  }

  static outcome<R> decode(reader& from) {
    if (from.read_flat<bool>()) return outcome<R>{std::in_place, codec<R>::decode(from)};
    return codec<failure>::decode(from);
  }
};

template <> struct codec<outcome<void>> {
  static constexpr std::size_t least_size = 1;
  static constexpr bool carries_descriptors = false;

  static void encode(writer& to, outcome<void> const& value) {
    to.write_flat(value.has_value());
    if (!value) codec<failure>::encode(to, value.error());
  }

  static outcome<void> decode(reader& from) {
    if (from.read_flat<bool>()) return {};
    return codec<failure>::decode(from);
  }
};

}  // namespace tandem

#endif  // TANDEM_CORE_CODEC_FAILURE_HPP
