// SPDX-License-Identifier: BSL-1.0
// Which types have a codec, all the way down; and the words for those that have none.
//
// The codec of a container exists for every element type and lists what it needs in `elements`; whether these have
// codecs in turn is found out here, with a list of the types above, because a type may contain itself (struct tree {
// std::vector<tree> twigs; }).
#ifndef TANDEM_CORE_IMPL_TRANSFER_HPP
#define TANDEM_CORE_IMPL_TRANSFER_HPP

#include <cstddef>      // for size_t
#include <type_traits>  // for is_base_of_v, is_pointer_v, is_reference_v, remove_cv_t

#include "tandem/core/impl/kinds.hpp"    // for never, the kinds
#include "tandem/core/impl/members.hpp"  // for types, is_one_of

namespace tandem {

class writer;
class reader;
template <class T> struct codec;

namespace impl {

/// The mark of the primary template: no codec.
struct no_codec {};

template <class T>
concept has_codec = !std::is_base_of_v<no_codec, codec<T>> && requires(writer & to, T& value, reader& from) {
  codec<T>::encode(to, value);
  { codec<T>::decode(from) } -> std::same_as<T>;
};

template <class T>
concept lists_elements = !std::is_base_of_v<no_codec, codec<T>> && requires {
  typename codec<T>::elements;
};

template <class T, class... Above> consteval bool is_transferable();

template <class... Above, class... E> consteval bool are_transferable(types<E...>) {
  return (is_transferable<std::remove_cv_t<E>, Above...>() && ...);
}

template <class T, class... Above> consteval bool is_transferable() {
  if constexpr (!std::is_object_v<T>)
    return false;
  else if constexpr (is_one_of<T, Above...>)
    return true;  // decided further up
  else if constexpr (std::is_array_v<T>)
    return is_transferable<std::remove_all_extents_t<T>, Above...>();  // as a member
  else if constexpr (lists_elements<T>)
    return are_transferable<Above..., T>(typename codec<T>::elements{});
  else
    return has_codec<T>;
}

template <class T, class... Above> consteval bool carries_descriptors();

template <class... Above, class... E> consteval bool carry_descriptors(types<E...>) {
  return (carries_descriptors<std::remove_cv_t<E>, Above...>() || ...);
}

template <class T, class... Above> consteval bool carries_descriptors() {
  if constexpr (is_one_of<T, Above...>)
    return false;
  else if constexpr (std::is_array_v<T>)
    return carries_descriptors<std::remove_all_extents_t<T>, Above...>();
  else if constexpr (requires { codec<T>::carries_descriptors; })
    return codec<T>::carries_descriptors;
  else if constexpr (lists_elements<T>)
    return carry_descriptors<Above..., T>(typename codec<T>::elements{});
  else
    return true;
}

/// The fewest bytes that a T can be encoded to; 0 where its codec does not say.
template <class T> consteval std::size_t least_size() {
  if constexpr (std::is_array_v<T>)
    return sizeof(T) / sizeof(std::remove_all_extents_t<T>) * least_size<std::remove_all_extents_t<T>>();
  else if constexpr (requires { codec<T>::least_size; })
    return codec<T>::least_size;
  else
    return 0;
}

template <class T, class... Above> consteval void require_transferable();

template <class... Above, class... E> consteval void require_all_transferable(types<E...>) {
  (require_transferable<std::remove_cv_t<E>, Above...>(), ...);
}

/// Compiles where T is transferable. Where it is not, the first error says why, and what to use instead.
template <class T, class... Above> consteval void require_transferable() {
  using value = std::remove_cv_t<std::remove_all_extents_t<T>>;
  if constexpr (is_one_of<value, Above...> || is_transferable<value, Above...>()) {
    return;
  } else if constexpr (std::is_reference_v<value> || wrapped_reference<value>) {
    static_assert(never<T>,
                  "tandem: a reference leads into memory that the receiver lacks: pass a value, or "
                  "tandem::shared<T> to write to it from both sides, or tandem::borrow(x) to read an argument");
  } else if constexpr (std::is_pointer_v<value>) {
    static_assert(
        never<T>,
        "tandem: a raw pointer leads into memory that the receiver lacks: pass a value (std::string for "
        "text), or tandem::shared<T> to write to it from both sides, or tandem::borrow(x) to read an argument");
  } else if constexpr (counted_pointer<value>) {
    static_assert(never<T>, "tandem: std::shared_ptr leads into memory that the receiver lacks: use tandem::shared<T>");
  } else if constexpr (view_of_memory<value>) {
    static_assert(never<T>,
                  "tandem: a view (string_view, span) looks into memory that the receiver lacks: use std::string or "
                  "std::vector, which own what they hold");
  } else if constexpr (function_of_std<value>) {
    static_assert(never<T>,
                  "tandem: std::function hides what it captured: pass the function itself, or its data as arguments");
  } else if constexpr (lock_of_std<value>) {
    static_assert(never<T>,
                  "tandem: a lock of std works within one process: use tandem::shared<tandem::mutex>, or the "
                  "like-named sibling");
  } else if constexpr (std::is_void_v<value> || std::is_function_v<value>) {
    static_assert(never<T>, "tandem: void and functions are no values: pass an object");
  } else if constexpr (lists_elements<value>) {
    require_all_transferable<Above..., value>(typename codec<value>::elements{});
  } else {
    static_assert(never<T>,
                  "tandem: this class has no codec: specialise tandem::codec<T> for it (or tandem::enable_flat<T> "
                  "where its bytes are its value)");
  }
}

}  // namespace impl
}  // namespace tandem

#endif  // TANDEM_CORE_IMPL_TRANSFER_HPP
