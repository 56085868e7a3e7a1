// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_CORE_IMPL_NESTING_HPP
#define TANDEM_CORE_IMPL_NESTING_HPP

namespace tandem::impl {

// A type that contains itself (through a vector, a map, a unique_ptr) is decoded by recursion, and the sender decides
// how deep: 256 levels are more than data has, and some tens of kilobytes of stack.
inline constexpr int most_levels = 256;

}  // namespace tandem::impl

#endif  // TANDEM_CORE_IMPL_NESTING_HPP
