// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_SYNC_IMPL_AWAIT_HPP
#define TANDEM_SYNC_IMPL_AWAIT_HPP

#include <cstdint>  // for int64_t, uint32_t

#include "tandem/memory/impl/token.hpp"  // for token
#include "tandem/os/clock.hpp"           // for monotonic_ns
#include "tandem/os/scheduling.hpp"      // for yield
#include "tandem/sync/impl/spin.hpp"     // for backoff, spinning_helps

namespace tandem::impl {

/// Waits until `attempt()` succeeds, at most until `until`; returns whether it did. Looks again for some microseconds
/// first, which costs whoever changes something no system call; then lets others of the same CPU run, which is cheaper
/// than to sleep and be woken; then sleeps. `watch(owners)` writes down those whose ends should wake it as well, and
/// returns how many; `attempt` is called once more after such an end. `Events` is an event_count, or a light one.
template <class Events, class Attempt, class Watch>
bool await(Events& events, std::int64_t until, Attempt attempt, Watch watch) {
  constexpr int spins = 200, yields = 4;
  if (attempt()) return true;
  if (os::monotonic_ns() >= until) return false;
  for (backoff spin(spinning_helps() ? spins : 0); spin.pause();)
    if (attempt()) return true;
  for (int i = 0; i < yields; ++i) {
    os::yield();
    if (attempt()) return true;
  }
  struct finished {
    Events& events;
    ~finished() { events.finish(); }
  } const at_end{events};
  for (;;) {
    std::uint32_t const key = events.prepare();
    if (attempt()) return true;
    token owners[Events::most_owners];
    unsigned const count = watch(owners);
    if (!events.sleep(key, until, {owners, count})) return attempt();
  }
}

template <class Events, class Attempt> bool await(Events& events, std::int64_t until, Attempt attempt) {
  return await(events, until, attempt, [](token*) { return 0U; });
}

}  // namespace tandem::impl

#endif  // TANDEM_SYNC_IMPL_AWAIT_HPP
