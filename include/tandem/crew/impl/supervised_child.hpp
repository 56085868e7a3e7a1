// SPDX-License-Identifier: BSL-1.0
// What a supervisor knows of a child, and what can be wrong with its options.
#ifndef TANDEM_CREW_IMPL_SUPERVISED_CHILD_HPP
#define TANDEM_CREW_IMPL_SUPERVISED_CHILD_HPP

#include <poll.h>  // for POLLIN

#include <algorithm>     // for max, min
#include <atomic>        // for memory_order
#include <chrono>        // for nanoseconds
#include <csignal>       // for SIGKILL
#include <cstdint>       // for int64_t, uint64_t
#include <memory>        // for unique_ptr
#include <optional>      // for optional
#include <stdexcept>     // for invalid_argument
#include <system_error>  // for system_error

#include "tandem/core/failure.hpp"                  // for failure
#include "tandem/core/mode.hpp"                     // for mode
#include "tandem/crew/child_options.hpp"            // for child_options
#include "tandem/crew/child_status.hpp"             // for child_state
#include "tandem/crew/impl/child_work.hpp"          // for child_work
#include "tandem/crew/impl/pulse.hpp"               // for pulse
#include "tandem/execution/impl/check_options.hpp"  // for check_thread_options
#include "tandem/execution/options.hpp"             // for options
#include "tandem/execution/unit.hpp"                // for unit
#include "tandem/execution/unit_id.hpp"             // for unit_id
#include "tandem/memory/shared.hpp"                 // for shared, shared_access
#include "tandem/os/poll.hpp"                       // for wait_ready

namespace tandem::impl {

/// No further than can be counted. @pre time >= 0
inline std::int64_t later(std::int64_t at, std::chrono::nanoseconds time) noexcept {
  return time.count() > INT64_MAX - at ? INT64_MAX : at + time.count();
}

struct supervised_child {
  child_options how;
  std::unique_ptr<child_work const> work;
  shared<impl::pulse> pulse = shared_access::nothing<impl::pulse>();
  tandem::unit<void> unit;  // of the thread that supervises alone
  unit_id id;               // of the unit; none: it is not there
  child_state state = child_state::waiting;
  bool in_turn = true;          // not before those before it are ready
  std::int64_t due = 0;         // where it waits: not before this
  std::int64_t started_at = 0;  // CLOCK_MONOTONIC; 0: never
  std::uint64_t failures = 0;   // in a row
  std::uint64_t restarts = 0;
  std::optional<failure> last;

  bool is_alive() const noexcept { return id != unit_id{}; }
  bool is_to_start() const noexcept { return state == child_state::waiting; }
  bool is_hung() const noexcept { return state == child_state::hung; }
  /// Whether those behind it that start in turn wait for it.
  bool is_awaited() const noexcept { return in_turn && (is_to_start() || state == child_state::starting || is_hung()); }
  /// Whether its end is about to be seen.
  bool has_ended() { return os::wait_ready(unit.wait_handle(), POLLIN, 0) > 0; }

  /// When it is hung, unless it does something before; INT64_MAX: never.
  std::int64_t hung_at() const noexcept {
    auto at = INT64_MAX;
    if (state == child_state::starting) at = later(started_at, how.ready);
    if (how.heartbeat.count() == 0) return at;
    return std::min(at, later(std::max(started_at, pulse->beaten.load(std::memory_order_relaxed)), how.heartbeat));
  }

  /// As far as that can be done to it.
  void kill() {
    auto* const process = unit.as_process();
    if (process == nullptr) return static_cast<void>(unit.request_stop());
    try {
      process->kill(SIGKILL);
    } catch (std::system_error const&) {}  // it has become another user's: it is waited for
  }
};

inline options unit_options(child_options const& how) {
  options all;
  all.name = how.name;
  all.start = how.start;
  all.report_crash = how.report_crash;
  all.inherit = how.inherit;
  return all;
}

[[noreturn]] inline void refuse_child(child_options const& how, char const* member, char const* why) {
  throw std::invalid_argument("tandem: supervisor::add: child '" + how.name + "': " + member + ": " + why);
}

/// @throws std::invalid_argument naming the member whose value cannot be, or that a thread cannot have
inline void check_child(tandem::mode mode, child_options const& how) {
  auto const& slow = how.backoff;
  if (how.shutdown.count() < 0) refuse_child(how, "shutdown", "less than nothing; 0 kills at once");
  if (how.heartbeat.count() < 0) refuse_child(how, "heartbeat", "less than nothing; 0 is none");
  if (how.ready.count() < 0) refuse_child(how, "ready", "less than nothing; 0 is none");
  if (slow.first.count() < 0 || slow.most < slow.first) refuse_child(how, "backoff", "first is not between 0 and most");
  if (!(slow.factor >= 1)) refuse_child(how, "backoff", "factor is less than 1");
  if (!(slow.jitter >= 0 && slow.jitter <= 1)) refuse_child(how, "backoff", "jitter is not between 0 and 1");
  if (slow.reset_after.count() < 0) refuse_child(how, "backoff", "reset_after is less than nothing");
  if (mode == tandem::mode::thread) check_thread_options(unit_options(how));
}

}  // namespace tandem::impl

#endif  // TANDEM_CREW_IMPL_SUPERVISED_CHILD_HPP
