// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_QUEUE_IMPL_POSITION_HPP
#define TANDEM_QUEUE_IMPL_POSITION_HPP

#include <cstdint>  // for int64_t, uint32_t, uint64_t

namespace tandem::impl {

/// A place in the sequence of all elements of a ring: round and index. Ordered as numbers, across the wrap.
class position {
 public:
  constexpr position() noexcept = default;
  constexpr explicit position(std::uint64_t bits) noexcept : bits_(bits) {}
  constexpr position(std::uint32_t round, std::uint32_t index) noexcept : bits_(std::uint64_t{round} << 32 | index) {}

  constexpr std::uint64_t bits() const noexcept { return bits_; }
  constexpr std::uint32_t round() const noexcept { return static_cast<std::uint32_t>(bits_ >> 32); }
  constexpr std::uint32_t index() const noexcept { return static_cast<std::uint32_t>(bits_); }
  constexpr bool is_before(position other) const noexcept { return static_cast<std::int64_t>(bits_ - other.bits_) < 0; }

  constexpr position next(std::uint32_t capacity) const noexcept {
    return index() + 1 == capacity ? position(round() + 1, 0) : position(bits_ + 1);
  }
  /// `count` further; at most `capacity`.
  constexpr position after(std::uint32_t count, std::uint32_t capacity) const noexcept {
    std::uint32_t const rest = capacity - index();
    return count < rest ? position(bits_ + count) : position(round() + 1, count - rest);
  }
  /// How many lie between, from `earlier` on; both of one round, or of two that follow each other.
  constexpr std::uint32_t since(position earlier, std::uint32_t capacity) const noexcept {
    return round() == earlier.round() ? index() - earlier.index() : capacity - earlier.index() + index();
  }

  friend constexpr bool operator==(position, position) noexcept = default;

 private:
  std::uint64_t bits_ = 0;
};

}  // namespace tandem::impl

#endif  // TANDEM_QUEUE_IMPL_POSITION_HPP
