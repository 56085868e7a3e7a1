// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_MEMORY_IMPL_HEAP_CACHE_HPP
#define TANDEM_MEMORY_IMPL_HEAP_CACHE_HPP

namespace tandem::impl {

/// One participant's private view of a heap. All zeros is a valid, empty cache: a forked child finds it so.
struct heap_cache {};

}  // namespace tandem::impl

#endif  // TANDEM_MEMORY_IMPL_HEAP_CACHE_HPP
