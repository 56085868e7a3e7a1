// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_MEMORY_IMPL_IN_SIGHT_HPP
#define TANDEM_MEMORY_IMPL_IN_SIGHT_HPP

#include <atomic>  // for atomic

namespace tandem::impl {

/// Whether this program has ever mapped memory that others may map as well. As long as not, nobody needs to ask where a
/// lock lies.
inline constinit std::atomic<bool> has_mapped_shared{false};

}  // namespace tandem::impl

#endif  // TANDEM_MEMORY_IMPL_IN_SIGHT_HPP
