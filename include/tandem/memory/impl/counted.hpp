// SPDX-License-Identifier: BSL-1.0
// What all handles to shared objects have in common: one counted hold on a block of the commons, in which a `Whole` was
// made.
#ifndef TANDEM_MEMORY_IMPL_COUNTED_HPP
#define TANDEM_MEMORY_IMPL_COUNTED_HPP

#include <cstddef>       // for byte, size_t
#include <cstdint>       // for uint32_t, uint64_t
#include <string_view>   // for string_view
#include <system_error>  // for errc
#include <utility>       // for exchange, swap

#include "tandem/config.hpp"                  // for TANDEM_NOINLINE
#include "tandem/core/errors.hpp"             // for throw_errc
#include "tandem/memory/commons.hpp"          // for commons
#include "tandem/memory/impl/free_block.hpp"  // for block_bytes_at, free_checked_block_at
#include "tandem/memory/impl/members.hpp"     // for members
#include "tandem/memory/impl/objects.hpp"     // for hold, object_in_the_making, objects
#include "tandem/memory/impl/region.hpp"      // for family
#include "tandem/memory/impl/sent_holds.hpp"  // for sent_holds
#include "tandem/memory/impl/travel.hpp"      // for travelling_to

namespace tandem::impl {

/// How a Whole lies in its block, and ends there.
template <class Whole> struct block_of {
  static constexpr std::size_t alignment = alignof(Whole), least_bytes = sizeof(Whole);
  static constexpr bool is_parcel = false;  // objects::parcel
  static std::size_t bytes(std::byte const*) noexcept { return sizeof(Whole); }
  static void destroy(std::byte* block) noexcept { reinterpret_cast<Whole*>(block)->~Whole(); }
};

template <class Whole> class counted {
 public:
  /// Holds nothing.
  counted() noexcept = default;

  /// A hold that is this process's already.
  counted(std::byte* block, hold held) noexcept : block_(block), held_(held) {}

  /// Allocates a block and has `make` construct the Whole in it. @throws std::bad_alloc, and what `make` throws
  template <class Make> counted(std::size_t bytes, Make make) : held_(objects::begin(fingerprint(), objects::self())) {
    try {
      block_ = static_cast<std::byte*>(commons().allocate(bytes, block_of<Whole>::alignment));
      objects::set_address(held_.object, block_);
      object_in_the_making const known(held_.object);
      make(block_);
    } catch (...) {
      objects::abandon(held_, objects::self());
      commons().deallocate(block_);
      throw;
    }
    objects::publish(held_);
  }

  /// @throws std::system_error (identifier_removed) if the object is no more, which only a handle seen through a
  /// reference can meet
  counted(counted const& other) : block_(other.block_) {
    if (other.held_) held_ = other.hold_for(token_of_holder());
  }

  counted(counted&& other) : block_(other.block_) {
    if (!other.held_) return;
    if (travelling_to == 0) {
      held_ = std::exchange(other.held_, {});
      other.block_ = nullptr;
    } else {
      held_ = other.hold_for(travelling_to);  // for the process that is being started; ours is given up
      other.give_up();
    }
  }

  counted& operator=(counted const& other) {
    if (this != &other) {
      counted copy(other);
      swap(copy);
    }
    return *this;
  }

  counted& operator=(counted&& other) noexcept {
    swap(other);
    return *this;
  }

  ~counted() { give_up(); }

  void swap(counted& other) noexcept {
    std::swap(block_, other.block_);
    std::swap(held_, other.held_);
  }

  explicit operator bool() const noexcept { return static_cast<bool>(held_); }
  std::byte* block() const noexcept { return block_; }
  hold held() const noexcept { return held_; }
  std::uint64_t use_count() const noexcept { return held_ ? objects::count(held_.object) : 0; }

  /// A hold in the name of `who`. @throws std::system_error (identifier_removed) if the object is no more
  hold hold_for(token who) const {
    hold taken;
    if (!objects::take(held_, who, taken))
      throw_errc(std::errc::identifier_removed, "copy a shared object", "its last holder has let it go");
    return taken;
  }

  /// One more hold in the sender's name, for the sake of who receives the number: given back when the sender's end is
  /// known.
  std::uint32_t send() const {
    hold const sent = hold_for(token_of_holder());
    sent_holds::note(sent);
    return held_.object;
  }

  /// A handle of this process to the object of that number. @throws std::system_error (bad_message) where there is none
  static counted receive(std::uint32_t index) {
    hold taken;
    if (index == 0 || index >= family().objects || !is_of_this_type(index) ||
        !objects::take({index, hold::none_like_it | index * 8}, objects::self(), taken))
      throw_errc(std::errc::bad_message, "decode", "no such shared object");
    return found(taken);
  }

  /// A handle to the object if it lives, else an empty one. Empty for any number that is none.
  static counted lock(std::uint32_t index, std::uint32_t generation) {
    if (index == 0 || index >= family().objects || !is_of_this_type(index) || !objects::is_alive(index, generation))
      return {};
    return lock_if_still_there(index, generation);
  }

  /// The same after a look: the object may be gone meanwhile, and its entry another's.
  static counted lock_if_still_there(std::uint32_t index, std::uint32_t generation) {
    hold taken;
    bool last = false;
    if (objects::take_again(index, generation, token_of_holder(), taken, last)) return found(taken);
    if (last) {
      auto* const block = is_of_this_type(index) ? block_in(index) : nullptr;
      if (block != nullptr) {
        end(index, block);
      } else {
        objects::lose(index);
      }
    }
    return {};
  }

  /// Tells types apart in a table that others can write: a hash of the type's name.
  static constexpr std::uint32_t fingerprint() noexcept {
    std::uint32_t hash = 2166136261U;
    for (char const letter : std::string_view(__PRETTY_FUNCTION__))
      hash = (hash ^ static_cast<unsigned char>(letter)) * 16777619U;
    return ((hash | 2U) & ~objects::parcel) | (block_of<Whole>::is_parcel ? objects::parcel : 0);
  }

 private:
  static token token_of_holder() { return travelling_to != 0 ? travelling_to : objects::self(); }

  static bool is_of_this_type(std::uint32_t index) noexcept {
    return objects::at(index).type.load(std::memory_order_relaxed) == fingerprint();
  }

  /// Where an entry says that its object is; nullptr where no Whole can be.
  static std::byte* block_in(std::uint32_t index) noexcept {
    auto const offset = objects::at(index).block.load(std::memory_order_acquire);
    bool const fits =
        offset % block_of<Whole>::alignment == 0 && block_bytes_at(offset) >= block_of<Whole>::least_bytes;
    return fits ? family().address(offset) : nullptr;
  }

  static counted found(hold taken) {
    auto* const block = block_in(taken.object);
    if (block == nullptr) {
      if (objects::drop(taken, objects::self(), travelling_to)) objects::lose(taken.object);
      throw_errc(std::errc::bad_message, "decode", "a shared object that is not in the commons");
    }
    return {block, taken};
  }

  static void end(std::uint32_t index, std::byte* block) noexcept {
    block_of<Whole>::destroy(block);
    free_checked_block_at(objects::take_block(index));
    objects::end(index);
  }

  // Not inline: g++ 12 would take an empty std::optional of a handle for one that may be destroyed unmade, and warn.
  TANDEM_NOINLINE void give_up() noexcept {
    if (!held_) return;
    if (objects::drop(held_, objects::self(), travelling_to)) end(held_.object, block_);
    held_ = {};
    block_ = nullptr;
  }

  std::byte* block_ = nullptr;
  hold held_;
};

}  // namespace tandem::impl

#endif  // TANDEM_MEMORY_IMPL_COUNTED_HPP
