// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_SYNC_MUTEX_HPP
#define TANDEM_SYNC_MUTEX_HPP

#include <type_traits>  // for is_standard_layout_v

#include "tandem/core/shareable.hpp"        // for enable_shareable
#include "tandem/sync/impl/lock_word.hpp"   // for lock_word
#include "tandem/sync/impl/mutex_base.hpp"  // for mutex_base
#include "tandem/sync/owner_died.hpp"       // for owner_died

namespace tandem {

/// std::mutex ([thread.mutex.class]), and it survives its owner: std::lock_guard, std::unique_lock, std::scoped_lock
/// and std::lock work with it. Its members, and what they throw, are told in impl/mutex_base.hpp.
///
/// As long as no other process is in sight (the program has started none, and uses neither the commons nor other shared
/// memory of the library), it is as std's: nothing is set up, and the end of a thread that holds it is not noticed.
/// @par Shared memory          Yes: 8 bytes without a pointer, in private memory, in the commons, in memory that the
///                             library maps. Construct it once, before others see it.
/// @par Threads and processes  Every member may be called concurrently, except the destructor.
/// @par Peer death             A unit that ends while it holds the lock, in whatever way, leaves it abandoned: each
///                             attempt to lock it throws owner_died until somebody calls recover(). Within a family
///                             sleepers learn of the death by the kernel, within a millisecond; programs that only have
///                             named memory in common, within some 20 milliseconds.
class mutex : public impl::mutex_base<mutex, impl::lock_word> {
 public:
  constexpr mutex() noexcept = default;
  /// @pre nobody holds it
  ~mutex() = default;
};
static_assert(sizeof(mutex) == 8 && std::is_standard_layout_v<mutex>, "a format in shared memory");

template <> inline constexpr bool enable_shareable<mutex> = true;

}  // namespace tandem

#endif  // TANDEM_SYNC_MUTEX_HPP
