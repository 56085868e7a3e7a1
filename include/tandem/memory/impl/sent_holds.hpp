// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_MEMORY_IMPL_SENT_HOLDS_HPP
#define TANDEM_MEMORY_IMPL_SENT_HOLDS_HPP

#include <span>     // for span
#include <utility>  // for exchange
#include <vector>   // for vector

#include "tandem/memory/impl/objects.hpp"  // for hold

namespace tandem::impl {

/// Remembers the holds on shared objects that this thread sends while it lives, for who can give them back.
class sent_holds {
 public:
  sent_holds() noexcept : before_(std::exchange(current_, this)) {}
  sent_holds(sent_holds const&) = delete;
  ~sent_holds() { current_ = before_; }

  std::span<hold const> holds() const noexcept { return holds_; }

  /// Called for each that is sent. @throws std::bad_alloc: it is not noted then
  static void note(hold sent) {
    if (current_ != nullptr) current_->holds_.push_back(sent);
  }

 private:
  static inline constinit thread_local sent_holds* current_ = nullptr;

  std::vector<hold> holds_;
  sent_holds* before_;
};

}  // namespace tandem::impl

#endif  // TANDEM_MEMORY_IMPL_SENT_HOLDS_HPP
