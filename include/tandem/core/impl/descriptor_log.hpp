// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_CORE_IMPL_DESCRIPTOR_LOG_HPP
#define TANDEM_CORE_IMPL_DESCRIPTOR_LOG_HPP

#include <cstddef>  // for size_t
#include <utility>  // for exchange

namespace tandem::impl {

/// Notes where owners of descriptors come to lie while a closure is copied for a process that exists already: their
/// numbers mean nothing there, and must be exchanged for those under which the descriptors arrive.
class descriptor_log {
 public:
  static constexpr std::size_t most = 64;

  /// Called by each owner that is moved to `place`. More than `most` are only counted.
  void note(int* place) noexcept {
    if (count_ < most) places_[count_] = place;
    ++count_;
  }

  std::size_t count() const noexcept { return count_; }
  int* operator[](std::size_t index) const noexcept { return places_[index]; }

 private:
  int* places_[most] = {};
  std::size_t count_ = 0;
};

/// The log of what this thread is copying; nullptr, nearly always.
inline constinit thread_local descriptor_log* descriptors_on_their_way = nullptr;

/// Logs in this scope.
class logging_scope {
 public:
  explicit logging_scope(descriptor_log& log) noexcept : before_(std::exchange(descriptors_on_their_way, &log)) {}
  logging_scope(logging_scope const&) = delete;
  ~logging_scope() { descriptors_on_their_way = before_; }

 private:
  descriptor_log* before_;
};

}  // namespace tandem::impl

#endif  // TANDEM_CORE_IMPL_DESCRIPTOR_LOG_HPP
