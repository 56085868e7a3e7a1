// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_MEMORY_WEAK_HPP
#define TANDEM_MEMORY_WEAK_HPP

#include <cstdint>   // for uint32_t
#include <optional>  // for optional
#include <utility>   // for move

#include "tandem/core/flat.hpp"            // for enable_flat
#include "tandem/memory/impl/counted.hpp"  // for counted
#include "tandem/memory/impl/objects.hpp"  // for objects
#include "tandem/memory/shared.hpp"        // for shared, shared_access

namespace tandem {

/// Refers to a shared<T>'s object (or shared<T[]>'s) without keeping it alive: what std::weak_ptr is to
/// std::shared_ptr. A flat value of 8 bytes: it travels by any road, lies in shared memory, and costs nothing to copy.
/// @par Shared memory          Yes: it means the same in every process of the family.
/// @par Threads and processes  A value. `lock` and `expired` may be called on it by all at once.
/// @par Peer death             An object whose last holder has died expires when that death is known, not before.
template <class T> class weak {
 public:
  /// Refers to nothing, and has expired.
  constexpr weak() noexcept = default;

  weak(shared<T> const& object) noexcept : object_(impl::shared_access::counted_of(object).held().object) {
    if (object_ != 0) generation_ = impl::objects::generation(object_);
  }

  /// One more handle to the object, if it lives still.
  /// @throws std::system_error  where this process cannot be enrolled in the family; bad_message where somebody has
  /// scribbled over the table of objects.  @par Cost  As a copy of a shared<T>.
  std::optional<shared<T>> lock() const {
    auto held = impl::counted<T>::lock(object_, generation_);
    if (!held) return std::nullopt;
    return impl::shared_access::whole(std::move(held));
  }

  /// Whether the object is no more. False may be outdated as soon as it is said; true is for ever.
  bool expired() const noexcept { return object_ == 0 || !impl::objects::is_alive(object_, generation_); }

  /// Whether both refer to the same object, living or not.
  friend constexpr bool operator==(weak const&, weak const&) noexcept = default;

 private:
  std::uint32_t object_ = 0;
  std::uint32_t generation_ = 0;
};

template <class T> weak(shared<T> const&) -> weak<T>;

/// Any bytes are some weak<T>: at worst one that has expired, or refers to another T.
template <class T> inline constexpr bool enable_flat<weak<T>> = true;

}  // namespace tandem

#endif  // TANDEM_MEMORY_WEAK_HPP
