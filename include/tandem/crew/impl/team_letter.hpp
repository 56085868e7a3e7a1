// SPDX-License-Identifier: BSL-1.0
// What one member of a team sends to another. Letters are blocks of the commons, and for each pair there is a list of
// them, by offsets, which one side lengthens and the other shortens:
//
//     box -> letter (taken) -> letter -> letter <- the sender's next one is linked here
//
// Each side changes it by one store, so a death leaves it whole. A letter that was taken stays until its successor is
// there, for that is linked to it. Whoever dies between two steps leaves a block behind, as it does with any that it
// allocates.
#ifndef TANDEM_CREW_IMPL_TEAM_LETTER_HPP
#define TANDEM_CREW_IMPL_TEAM_LETTER_HPP

#include <atomic>        // for atomic
#include <cstddef>       // for byte
#include <cstdint>       // for uint64_t
#include <cstring>       // for memcpy
#include <new>           // for launder, placement new
#include <string>        // for string
#include <system_error>  // for errc

#include "tandem/core/errors.hpp"               // for throw_errc
#include "tandem/crew/impl/team_call.hpp"       // for name_field, team_call
#include "tandem/memory/commons.hpp"            // for commons
#include "tandem/memory/impl/free_block.hpp"    // for block_bytes_at, free_block_at
#include "tandem/memory/impl/region.hpp"        // for family
#include "tandem/queue/impl/element.hpp"        // for is_in_place
#include "tandem/queue/impl/encoded_block.hpp"  // for encoded_block

namespace tandem::impl {

/// A flat value out of its bytes.
template <class T> T value_at(std::byte const* bytes) noexcept {
  alignas(T) std::byte copy[sizeof(T)];
  std::memcpy(copy, bytes, sizeof(T));
  return *std::launder(reinterpret_cast<T*>(copy));
}

class team_letter {
 public:
  /// Where the next letter's offset is written; in a box, the first one's. 0: there is none yet.
  using link = std::atomic<std::uint64_t>;

  /// Writes one, which is nobody's yet. @throws what T's codec throws, std::bad_alloc
  template <class T> static team_letter& write(T const& value) {
    struct draft {
      void* block;
      ~draft() { commons().deallocate(block); }
    } to{commons().allocate(sizeof(team_letter) + (is_inside<T> ? sizeof(T) : 0))};
    auto* const letter = ::new (to.block) team_letter(team_call::of<T>(team_step::receive));
    if constexpr (is_inside<T>)
      std::memcpy(letter->inside(), &value, sizeof(T));
    else
      letter->content_.fill(value);
    to.block = nullptr;
    return *letter;
  }

  /// The letter there; null where none can be: a scribbler may have been here.
  static team_letter* at(std::uint64_t offset) noexcept {
    if (block_bytes_at(offset) < sizeof(team_letter)) return nullptr;
    return std::launder(reinterpret_cast<team_letter*>(family().address(offset)));
  }

  /// Frees all that are still in a box.
  static void empty(link const& box) noexcept {
    std::uint64_t offset = box.load(std::memory_order_acquire);
    while (team_letter* const letter = at(offset)) {
      letter->content_.discard();
      std::uint64_t const next = letter->next().load(std::memory_order_acquire);
      free_block_at(offset);
      offset = next;
    }
  }

  std::uint64_t offset() const noexcept { return family().offset(reinterpret_cast<std::byte const*>(this)); }
  link& next() noexcept { return next_; }
  std::string type() const { return type_.readable(); }

  /// Whether it is a T, as it says.
  template <class T> bool is_of() const noexcept { return tag_ == team_call::of<T>(team_step::receive).tag; }
  /// @throws what T's codec throws: the value is gone then
  template <class T> T take(std::uint64_t offset) {
    if constexpr (is_inside<T>) {
      if (block_bytes_at(offset) < sizeof(team_letter) + sizeof(T))
        throw_errc(std::errc::bad_message, "receive", "somebody has scribbled over the letter");
      return value_at<T>(inside());
    } else {
      return content_.template take<T>();
    }
  }

 private:
  template <class T> static constexpr bool is_inside = is_in_place<T> && sizeof(T) <= 256;

  explicit team_letter(team_call const& call) noexcept : tag_(call.tag) { type_.set(call.type); }

  std::byte* inside() noexcept { return reinterpret_cast<std::byte*>(this + 1); }

  link next_{0};
  std::uint64_t tag_;
  encoded_block content_;  // of what is not inside
  name_field<72> type_;
};
static_assert(sizeof(team_letter) == 96, "a format in shared memory");

}  // namespace tandem::impl

#endif  // TANDEM_CREW_IMPL_TEAM_LETTER_HPP
