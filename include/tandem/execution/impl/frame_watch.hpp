// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_EXECUTION_IMPL_FRAME_WATCH_HPP
#define TANDEM_EXECUTION_IMPL_FRAME_WATCH_HPP

#include <algorithm>  // for min
#include <cstddef>    // for byte, ptrdiff_t, size_t

#include "tandem/config.hpp"      // for TANDEM_NO_SANITIZE, TANDEM_NOINLINE
#include "tandem/os/mapping.hpp"  // for map_private

namespace tandem::impl {

/// A copy of the stack frames above one address, and their comparison with what they are later.
///
/// A forked child never returns into its starter's frames, so each byte of them that has changed was written through a
/// reference or a pointer.
class frame_watch {
 public:
  /// Takes the copy: from `low`, the first address above the starter's own frame, to `high`, but at most 1 MiB. Watches
  /// nothing if there is no memory.
  TANDEM_NOINLINE TANDEM_NO_SANITIZE frame_watch(std::byte const* low, std::byte const* high) noexcept {
    if (low == nullptr || high == nullptr || high <= low) return;
    bytes_ = std::min<std::size_t>(static_cast<std::size_t>(high - low), std::size_t{1} << 20);
    copy_ = os::map_private(bytes_);
    if (copy_ == nullptr) return;
    low_ = low;
    for (std::size_t i = 0; i < bytes_; ++i) copy_[i] = low_[i];
  }

  /// Distance from the first frame's start to the first changed byte, or -1.
  TANDEM_NOINLINE TANDEM_NO_SANITIZE std::ptrdiff_t first_change() const noexcept {
    if (low_ == nullptr) return -1;
    std::byte const volatile* const now =
        low_;  // read as they are: the compiler knows nothing of who may have written here
    for (std::size_t i = 0; i < bytes_; ++i) {
      if (now[i] != copy_[i]) return static_cast<std::ptrdiff_t>(i);
    }
    return -1;
  }

 private:
  std::byte const* low_ = nullptr;
  std::byte* copy_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace tandem::impl

#endif  // TANDEM_EXECUTION_IMPL_FRAME_WATCH_HPP
