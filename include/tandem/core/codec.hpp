// SPDX-License-Identifier: BSL-1.0
// How a value becomes bytes and a value again, on the other side of a wall.
//
// Here: flat types and aggregates. The types of std have their codecs in the headers codec_*.hpp beside this one, so
// that a program pays for those it uses; the door "tandem/core.hpp" has them all. A user's class, where it is neither:
//
//     template <> struct tandem::codec<celsius> {
//       static void encode(writer& to, celsius const& value) { tandem::encode(to, value.degrees()); }
//       static celsius decode(reader& from) { return celsius{tandem::decode<double>(from)}; }
//       static constexpr bool carries_descriptors = false;  // optional: no fd inside, so cheaper roads are open
//       static constexpr std::size_t least_size = 8;        // optional: the fewest bytes that encode() writes
//     };
#ifndef TANDEM_CORE_CODEC_HPP
#define TANDEM_CORE_CODEC_HPP

#include <array>        // for array
#include <cstddef>      // for byte, size_t
#include <span>         // for span
#include <type_traits>  // for is_array_v, remove_cv_t

#include "tandem/core/flat.hpp"           // for flat
#include "tandem/core/impl/members.hpp"   // for decomposable, member_types, with_members
#include "tandem/core/impl/transfer.hpp"  // for no_codec, require_transferable, least_size
#include "tandem/core/reader.hpp"         // for reader
#include "tandem/core/writer.hpp"         // for writer

namespace tandem {

/// Encodes and decodes T: specialise it for a class of your own (see above). `encode` takes a const T, or a T where it
/// needs to change it; `decode` checks what it reads and throws std::errc::bad_message, for the bytes may come from a
/// hostile process. This, the primary template, is the absence of a codec: to use it is an error that says what to do.
template <class T> struct codec : impl::no_codec {
  static void encode(writer& /*to*/, T const& /*value*/) { impl::require_transferable<T>(); }
  static T decode(reader& /*from*/) { impl::require_transferable<T>(); }
};

template <class T> struct codec<T&> : impl::no_codec {
  static void encode(writer& /*to*/, T& /*value*/) { impl::require_transferable<T&>(); }
};

namespace impl {

/// The mark of a codec that writes the bytes of a value, so that many values can be written in one piece.
struct codec_of_bytes {};

template <class T> consteval bool is_encoded_as_bytes();

template <class... T> consteval bool are_encoded_as_bytes(types<T...>) { return (is_encoded_as_bytes<T>() && ...); }

template <class T> inline constexpr bool array_is_encoded_as_bytes = true;
template <class T, std::size_t N>
inline constexpr bool array_is_encoded_as_bytes<std::array<T, N>> = is_encoded_as_bytes<T>();

/// A flat type, unless it is an aggregate in which a member has a codec of its own: that one knows better than the
/// bytes do.
template <class T> consteval bool has_plain_members() {
  if constexpr (!flat<T>)
    return false;
  else if constexpr (enable_flat<T>)
    return true;
  else if constexpr (decomposable<T>)
    return are_encoded_as_bytes(member_types<T>{});
  else
    return array_is_encoded_as_bytes<T>;
}

template <class T> consteval bool is_encoded_as_bytes() {
  using value = std::remove_cv_t<std::remove_all_extents_t<T>>;
  return std::is_base_of_v<codec_of_bytes, codec<value>>;
}

}  // namespace impl

template <class T>
  requires(!std::is_array_v<T> && impl::has_plain_members<T>())
struct codec<T> : impl::codec_of_bytes {
  static constexpr std::size_t least_size = sizeof(T);
  static constexpr bool carries_descriptors = false;

  static void encode(writer& to, T const& value) { to.write_flat(value); }
  static T decode(reader& from) { return from.read_flat<T>(); }
};

namespace impl {

template <class... T> consteval std::size_t sum_of_least(types<T...>) {
  return (std::size_t{0} + ... + least_size<std::remove_cv_t<T>>());
}

template <class... T> consteval bool any_array(types<T...>) { return (std::is_array_v<T> || ...); }

template <class T> void encode_member(writer& to, T& member) {
  if constexpr (std::is_array_v<T>) {
    for (auto& element : member) encode_member(to, element);
  } else {
    codec<std::remove_cv_t<T>>::encode(to, member);
  }
}

template <class T> void decode_member(reader& from, T& member) {
  if constexpr (std::is_array_v<T>) {
    for (auto& element : member) decode_member(from, element);
  } else {
    member = codec<T>::decode(from);
  }
}

template <class T, class... M> T decode_members(reader& from, types<M...>) {
  return T{codec<std::remove_cv_t<M>>::decode(from)...};  // in order, for these are braces
}

}  // namespace impl

/// Appends `value` to `to`.
/// @throws what the sink throws when it cannot grow (std::bad_alloc for one on the heap), and what T's codec does.
template <class T> void encode(writer& to, T& value) {
  impl::require_transferable<T>();
  impl::encode_member(to, value);
}
template <class T> void encode(writer& to, T const&& value) { encode(to, value); }

/// Takes a T off `from`.
/// @throws std::system_error (bad_message) where the bytes are not those of a T, and what T's codec does.
template <class T> T decode(reader& from) {
  impl::require_transferable<T>();
  return codec<T>::decode(from);
}

/// The T that `bytes` are, whole.
/// @throws std::system_error (bad_message) where they are not those of a T, or some are left over.
template <class T> T decode(std::span<std::byte const> bytes, std::span<int> descriptors = {}) {
  reader from{bytes, descriptors};
  auto value = tandem::decode<T>(from);
  from.finish();
  return value;
}

// An aggregate: its members, one after another.
template <class T>
  requires(impl::decomposable<T> && !impl::has_plain_members<T>())
struct codec<T> {
  using elements = impl::member_types<T>;
  static constexpr std::size_t least_size = impl::sum_of_least(elements{});

  static void encode(writer& to, auto& value) {
    impl::with_members(value, [&to](auto&... member) { (impl::encode_member(to, member), ...); });
  }

  static T decode(reader& from) {
    if constexpr (impl::any_array(elements{})) {  // nothing converts to an array, so it is filled
      T value{};
      impl::with_members(value, [&from](auto&... member) { (impl::decode_member(from, member), ...); });
      return value;
    } else {
      return impl::decode_members<T>(from, elements{});
    }
  }
};

namespace impl {

// The elements of a container. One that may be encoded to nothing is given a byte, so that a size can be checked
// against the bytes left.
template <class T> inline constexpr std::size_t least_element = least_size<T>() == 0 ? 1 : least_size<T>();

template <class T> void encode_element(writer& to, T& element) {
  using value = std::remove_cv_t<T>;
  if constexpr (least_size<value>() == 0) to.write_flat(std::byte{0});
  codec<value>::encode(to, element);
}

template <class T> T decode_element(reader& from) {
  if constexpr (least_size<T>() == 0) from.read_flat<std::byte>();
  return codec<T>::decode(from);
}

}  // namespace impl
}  // namespace tandem

#endif  // TANDEM_CORE_CODEC_HPP
