// SPDX-License-Identifier: BSL-1.0
// One place of a ring: a word that says whose it is, and room for an element.
//
//     word:  round 32 | owner 30 | state 2
//
//   empty    of round r: free for the r-th element of this place
//   writing  its owner makes an element here
//   full     it is there; with the owner `poison`: its maker died, there is nothing
//   reading  its owner takes it; not for small elements (below)
//
// Each claim is one compare-and-swap that names its owner, so that whoever comes upon the claim of a dead one can undo
// it: writing becomes full of poison, which is consumed in its turn like any element; reading becomes empty.
#ifndef TANDEM_QUEUE_IMPL_SLOT_HPP
#define TANDEM_QUEUE_IMPL_SLOT_HPP

#include <atomic>       // for atomic
#include <cstddef>      // for byte, size_t
#include <cstdint>      // for uint32_t, uint64_t
#include <cstring>      // for memcpy
#include <new>          // for launder
#include <type_traits>  // for is_trivially_copyable_v

#include "tandem/core/codec.hpp"                // for is_encoded_as_bytes
#include "tandem/memory/impl/token.hpp"         // for token
#include "tandem/queue/impl/encoded_block.hpp"  // for encoded_block

namespace tandem::impl {

enum class slot_state : std::uint32_t { empty, writing, full, reading };

/// What a slot's word says.
class slot_word {
 public:
  constexpr explicit slot_word(std::uint64_t bits) noexcept : bits_(bits) {}
  constexpr slot_word(std::uint32_t round, token owner, slot_state state) noexcept
      : bits_(std::uint64_t{round} << 32 | owner << 2 | static_cast<std::uint32_t>(state)) {}

  constexpr std::uint64_t bits() const noexcept { return bits_; }
  constexpr std::uint32_t round() const noexcept { return static_cast<std::uint32_t>(bits_ >> 32); }
  constexpr token owner() const noexcept { return static_cast<token>(bits_) >> 2; }
  constexpr slot_state state() const noexcept { return static_cast<slot_state>(bits_ & 3); }
  constexpr bool is(slot_state state) const noexcept { return this->state() == state; }
  constexpr bool is_poison() const noexcept { return is(slot_state::full) && owner() != 0; }

  friend constexpr bool operator==(slot_word, slot_word) noexcept = default;

 private:
  std::uint64_t bits_;
};

/// The owner of what is full of nothing: no token.
inline constexpr token poison = 1;

/// An element of some bytes that is copied out before it is taken: by one compare-and-swap, which fails where somebody
/// else was first, and the copy is thrown away then. So nobody dies in the middle of taking it.
template <class T> class copied_element {
 public:
  static constexpr bool is_copied = true;

  void put(T const& value) noexcept {
    std::uint64_t words[count]{};
    std::memcpy(words, &value, sizeof(T));
    for (std::size_t i = 0; i < count; ++i) words_[i].store(words[i], std::memory_order_relaxed);
  }
  T copy() const noexcept {
    std::uint64_t words[count];
    for (std::size_t i = 0; i < count; ++i) words[i] = words_[i].load(std::memory_order_relaxed);
    alignas(T) std::byte space[sizeof(T)];
    std::memcpy(space, words, sizeof(T));
    return *std::launder(reinterpret_cast<T const*>(space));
  }
  void discard() noexcept {}

 private:
  static constexpr std::size_t count = (sizeof(T) + 7) / 8;
  std::atomic<std::uint64_t> words_[count];
};

/// An element of many bytes, in its place.
template <class T> class placed_element {
 public:
  static constexpr bool is_copied = false;

  void put(T const& value) noexcept { std::memcpy(space_, &value, sizeof(T)); }
  T take() noexcept { return *std::launder(reinterpret_cast<T const*>(space_)); }
  void discard() noexcept {}

 private:
  alignas(T) std::byte space_[sizeof(T)];
};

/// An element that has to be encoded: in a block of its own.
template <class T> class encoded_element {
 public:
  static constexpr bool is_copied = false;

  /// @throws what T's codec throws, std::bad_alloc: nothing is here then
  template <class U> void put(U& value) { block_.fill(value); }
  /// @throws what T's codec throws: it is gone then
  T take() { return block_.template take<T>(); }
  void discard() noexcept { block_.discard(); }

 private:
  encoded_block block_;
};

template <class T> consteval auto element_kind() {
  struct kind {};
  if constexpr (!is_encoded_as_bytes<T>())
    return static_cast<encoded_element<T>*>(nullptr);
  else if constexpr (sizeof(T) <= 64)
    return static_cast<copied_element<T>*>(nullptr);
  else
    return static_cast<placed_element<T>*>(nullptr);
}
template <class T> using element = std::remove_pointer_t<decltype(element_kind<T>())>;

template <class T> struct slot {
  std::atomic<std::uint64_t> word;
  impl::element<T> element;
};

}  // namespace tandem::impl

#endif  // TANDEM_QUEUE_IMPL_SLOT_HPP
