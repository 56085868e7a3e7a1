// SPDX-License-Identifier: BSL-1.0
// Which types can go from one process to another as values.
#ifndef TANDEM_CORE_TRANSFERABLE_HPP
#define TANDEM_CORE_TRANSFERABLE_HPP

#include <type_traits>  // for is_array_v, remove_cv_t

#include "tandem/core/codec.hpp"          // for codec
#include "tandem/core/impl/transfer.hpp"  // for is_transferable, carries_descriptors

namespace tandem {

/// A type that has a codec, all the way down: an argument, a result, a queue element between processes.
///
/// So are flat types, aggregates of transferables (up to 16 members, no base class), and, each with its header
/// included: std::string, vector, array, pair, tuple, optional, variant, the maps and sets, deque, list, chrono,
/// filesystem::path, error_code, unique_ptr; tandem's fd, shared<T> and queue ends; and whatever a `codec` was written
/// for.
template <class T>
concept transferable = !std::is_array_v<T> && impl::is_transferable<std::remove_cv_t<T>>();

/// Whether an encoded T may come with file descriptors, so that its road must be one that takes them along. True for a
/// user's codec that does not say `static constexpr bool carries_descriptors = false;`.
template <transferable T>
inline constexpr bool may_carry_descriptors = impl::carries_descriptors<std::remove_cv_t<T>>();

}  // namespace tandem

#endif  // TANDEM_CORE_TRANSFERABLE_HPP
