// SPDX-License-Identifier: BSL-1.0
// How an element of a queue lies in its place: a flat one as it is, any other encoded, in a block of its own.
#ifndef TANDEM_QUEUE_IMPL_ELEMENT_HPP
#define TANDEM_QUEUE_IMPL_ELEMENT_HPP

#include <cstddef>      // for byte
#include <cstring>      // for memcpy
#include <new>          // for launder
#include <type_traits>  // for conditional_t

#include "tandem/core/codec.hpp"                // for is_encoded_as_bytes
#include "tandem/queue/impl/encoded_block.hpp"  // for encoded_block

namespace tandem::impl {

template <class T> class placed_element {
 public:
  void put(T const& value) noexcept { std::memcpy(space_, &value, sizeof(T)); }
  T take() noexcept { return value(); }
  T read() noexcept { return value(); }
  void discard() noexcept {}
  bool is_empty() const noexcept { return false; }

  T& value() noexcept { return *std::launder(reinterpret_cast<T*>(space_)); }

 private:
  alignas(T) std::byte space_[sizeof(T)]{};
};

template <class T> class encoded_element {
 public:
  /// @throws what T's codec throws, std::bad_alloc: nothing is here then
  template <class U> void put(U& value) { block_.fill(value); }
  /// @throws what T's codec throws: it is gone then
  T take() { return block_.template take<T>(); }
  /// The same, but it stays, to be read again: what would be handed over is copied.
  T read() const { return block_.template read<T>(); }
  void discard() noexcept { block_.discard(); }
  /// Whether it was taken before: by one that died behind that.
  bool is_empty() const noexcept { return block_.is_empty(); }

 private:
  encoded_block block_;
};

template <class T> inline constexpr bool is_in_place = is_encoded_as_bytes<T>();

template <class T> using element = std::conditional_t<is_in_place<T>, placed_element<T>, encoded_element<T>>;

}  // namespace tandem::impl

#endif  // TANDEM_QUEUE_IMPL_ELEMENT_HPP
