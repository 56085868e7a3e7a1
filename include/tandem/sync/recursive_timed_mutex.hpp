// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_SYNC_RECURSIVE_TIMED_MUTEX_HPP
#define TANDEM_SYNC_RECURSIVE_TIMED_MUTEX_HPP

#include <type_traits>  // for is_standard_layout_v

#include "tandem/core/shareable.hpp"                 // for enable_shareable
#include "tandem/sync/impl/recursive_lock_word.hpp"  // for recursive_lock_word
#include "tandem/sync/impl/timed_mutex_base.hpp"     // for timed_mutex_base
#include "tandem/sync/owner_died.hpp"                // for owner_died

namespace tandem {

/// std::recursive_timed_mutex ([thread.timedmutex.recursive]), and it survives its owner: a tandem::recursive_mutex
/// with deadlines, which may also be a tandem::deadline.
/// @par Shared memory          Yes: 12 bytes without a pointer, in private memory, in the commons, in memory that the
///                             library maps. Construct it once, before others see it.
/// @par Threads and processes  Every member may be called concurrently, except the destructor.
/// @par Peer death             As tandem::recursive_mutex's, also for who waits with a deadline.
class recursive_timed_mutex : public impl::timed_mutex_base<recursive_timed_mutex, impl::recursive_lock_word> {
 public:
  constexpr recursive_timed_mutex() noexcept = default;
  /// @pre nobody holds it
  ~recursive_timed_mutex() = default;
};
static_assert(sizeof(recursive_timed_mutex) == 12 && std::is_standard_layout_v<recursive_timed_mutex>,
              "a format in shared memory");

template <> inline constexpr bool enable_shareable<recursive_timed_mutex> = true;

}  // namespace tandem

#endif  // TANDEM_SYNC_RECURSIVE_TIMED_MUTEX_HPP
