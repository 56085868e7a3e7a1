// SPDX-License-Identifier: BSL-1.0
// What a supervisor's child tells its supervisor. It may be called anywhere: where no supervisor asks, it does nothing.
#ifndef TANDEM_CREW_THIS_CHILD_HPP
#define TANDEM_CREW_THIS_CHILD_HPP

#include <atomic>  // for memory_order

#include "tandem/crew/impl/pulse.hpp"  // for pulse_here
#include "tandem/os/clock.hpp"         // for monotonic_ns

namespace tandem::this_child {

/// Tells the supervisor that this child is not hung: to be called more often than its child_options::heartbeat. By the
/// child's own thread; where it is a process, by any of its threads.
/// @par Cost  A look at the clock and a store; no system call.
inline void beat() noexcept {
  // relaxed: it carries nothing but itself
  if (auto* const mine = impl::pulse_here::find()) mine->beaten.store(os::monotonic_ns(), std::memory_order_relaxed);
}

/// Tells the supervisor that this child has begun its service (child_options::ready): those behind it are started now.
inline void ready() noexcept {
  // release: what it has set up is there for those that are started now; pairs with the supervisor's acquire
  if (auto* const mine = impl::pulse_here::find()) mine->ready.store(true, std::memory_order_release);
}

}  // namespace tandem::this_child

#endif  // TANDEM_CREW_THIS_CHILD_HPP
