// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_SYNC_SHARED_MUTEX_HPP
#define TANDEM_SYNC_SHARED_MUTEX_HPP

#include <type_traits>  // for is_standard_layout_v

#include "tandem/core/shareable.hpp"               // for enable_shareable
#include "tandem/sync/impl/mutex_base.hpp"         // for mutex_base
#include "tandem/sync/impl/shared_lock_word.hpp"   // for shared_lock_word
#include "tandem/sync/impl/shared_mutex_base.hpp"  // for shared_mutex_base
#include "tandem/sync/owner_died.hpp"              // for owner_died

namespace tandem {

/// std::shared_mutex ([thread.sharedmutex.class]), and it survives its owners: std::shared_lock and the locks for one
/// work with it. Its members, and what they throw, are told in impl/mutex_base.hpp and impl/shared_mutex_base.hpp.
///
/// Made for many readers: each writes to a cache line that it has for itself, or shares with few. A writer looks at all
/// of these, so writing costs several times what a mutex does. Writers cannot be starved: whoever reads next waits
/// behind them.
/// @par Shared memory          Yes: 576 bytes in 9 cache lines, without a pointer, as mutex.
/// @par Threads and processes  Every member may be called concurrently, except the destructor.
/// @par Peer death             A reader that ends is simply gone. A writer that ends leaves the mutex abandoned, as
/// mutex:
///                             readers and writers get owner_died until one calls recover(), which locks to write.
class shared_mutex : public impl::shared_mutex_base<impl::mutex_base<shared_mutex, impl::shared_lock_word>> {
 public:
  constexpr shared_mutex() noexcept = default;
  /// @pre nobody holds it
  ~shared_mutex() = default;
};
static_assert(sizeof(shared_mutex) == 576 && std::is_standard_layout_v<shared_mutex>, "a format in shared memory");

template <> inline constexpr bool enable_shareable<shared_mutex> = true;

}  // namespace tandem

#endif  // TANDEM_SYNC_SHARED_MUTEX_HPP
