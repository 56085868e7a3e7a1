// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_MEMORY_IMPL_STAYS_WHERE_IT_IS_HPP
#define TANDEM_MEMORY_IMPL_STAYS_WHERE_IT_IS_HPP

#include <utility>  // for exchange

namespace tandem::impl {

/// As long as one lives, what its thread decodes will be decoded again: a codec that hands memory over makes a copy.
class stays_where_it_is {
 public:
  stays_where_it_is() noexcept : before_(std::exchange(is_in_force_, true)) {}
  stays_where_it_is(stays_where_it_is const&) = delete;
  ~stays_where_it_is() { is_in_force_ = before_; }

  static bool is_in_force() noexcept { return is_in_force_; }

 private:
  static inline constinit thread_local bool is_in_force_ = false;
  bool before_;
};

}  // namespace tandem::impl

#endif  // TANDEM_MEMORY_IMPL_STAYS_WHERE_IT_IS_HPP
