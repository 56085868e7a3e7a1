// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_SYNC_RECURSIVE_MUTEX_HPP
#define TANDEM_SYNC_RECURSIVE_MUTEX_HPP

#include <type_traits>  // for is_standard_layout_v

#include "tandem/core/shareable.hpp"                 // for enable_shareable
#include "tandem/sync/impl/mutex_base.hpp"           // for mutex_base
#include "tandem/sync/impl/recursive_lock_word.hpp"  // for recursive_lock_word
#include "tandem/sync/owner_died.hpp"                // for owner_died

namespace tandem {

/// std::recursive_mutex ([thread.mutex.recursive]), and it survives its owner: a tandem::mutex that its owner may lock
/// again, 2^32 - 1 times at most. recover() by its owner locks it once more, too.
///
/// As long as no other process is in sight, nothing is set up; the owner is known by its thread's number then.
/// @par Shared memory          Yes: 12 bytes without a pointer, in private memory, in the commons, in memory that the
///                             library maps. Construct it once, before others see it.
/// @par Threads and processes  Every member may be called concurrently, except the destructor.
/// @par Peer death             As tandem::mutex's; whoever recovers it has locked it once. As long as no process is in
///                             sight, the end of a thread that holds it is noticed within some 100 milliseconds.
class recursive_mutex : public impl::mutex_base<recursive_mutex, impl::recursive_lock_word> {
 public:
  constexpr recursive_mutex() noexcept = default;
  /// @pre nobody holds it
  ~recursive_mutex() = default;
};
static_assert(sizeof(recursive_mutex) == 12 && std::is_standard_layout_v<recursive_mutex>, "a format in shared memory");

template <> inline constexpr bool enable_shareable<recursive_mutex> = true;

}  // namespace tandem

#endif  // TANDEM_SYNC_RECURSIVE_MUTEX_HPP
