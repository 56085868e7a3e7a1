// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_MEMORY_IMPL_TRAVEL_HPP
#define TANDEM_MEMORY_IMPL_TRAVEL_HPP

#include <utility>  // for exchange

#include "tandem/memory/impl/token.hpp"  // for token

namespace tandem::impl {

/// The process for which this thread is copying a closure and its arguments, or 0. What counts its holders (shared<T>,
/// queue ends) makes each copy in that process's name: a fork duplicates the bytes, and the child's copy must be the
/// one that counts.
inline constinit thread_local token travelling_to = 0;

/// Copies made in this scope are the holds of `receiver`.
class travel_scope {
 public:
  explicit travel_scope(token receiver) noexcept : before_(std::exchange(travelling_to, receiver)) {}
  travel_scope(travel_scope const&) = delete;
  ~travel_scope() { travelling_to = before_; }

 private:
  token before_;
};

/// What this thread destroys now has a copy in a process that was forked: blocks of the commons that it owns are that
/// one's to free.
inline constinit thread_local bool given_to_child = false;

class given_to_child_scope {
 public:
  given_to_child_scope() noexcept { given_to_child = true; }
  given_to_child_scope(given_to_child_scope const&) = delete;
  ~given_to_child_scope() { given_to_child = false; }
};

}  // namespace tandem::impl

#endif  // TANDEM_MEMORY_IMPL_TRAVEL_HPP
