// SPDX-License-Identifier: BSL-1.0
// What a unit may ask of itself, as std::this_thread: in a thread and in a process alike, and in threads that tandem
// has not started.
#ifndef TANDEM_EXECUTION_THIS_UNIT_HPP
#define TANDEM_EXECUTION_THIS_UNIT_HPP

#include <chrono>  // for duration, time_point
#include <string>  // for string

#include "tandem/core/deadline.hpp"                // for deadline
#include "tandem/core/mode.hpp"                    // for mode
#include "tandem/core/resource_usage.hpp"          // for resource_usage
#include "tandem/execution/impl/measure.hpp"       // for measure_this_process, measure_this_thread
#include "tandem/execution/impl/unit_context.hpp"  // for this_context, current_id
#include "tandem/execution/unit_id.hpp"            // for unit_id
#include "tandem/os/clock.hpp"                     // for monotonic_ns
#include "tandem/os/process_id.hpp"                // for process_id
#include "tandem/os/process_table.hpp"             // for thread_id
#include "tandem/os/scheduling.hpp"                // for yield
#include "tandem/sync/stop_token.hpp"              // for stop_token

namespace tandem::this_unit {

inline unit_id get_id() noexcept { return impl::current_id(); }

/// The unit that started this one; no unit if tandem has not started it.
inline unit_id parent() noexcept { return impl::this_context != nullptr ? impl::this_context->parent : unit_id{}; }

/// The name it was given, or the one made for it; empty if tandem has not started it.
inline std::string name() { return impl::this_name(); }

/// How this unit runs. A program's own first thread counts as a process, any other thread that tandem has not started
/// as a thread.
inline tandem::mode mode() noexcept {
  if (impl::this_context != nullptr) return impl::this_context->mode;
  return impl::current_id().number == 0 ? tandem::mode::process : tandem::mode::thread;
}

/// Connected to the unit's handle; without a state if tandem has not started it.
inline stop_token get_stop_token() { return impl::this_context != nullptr ? impl::this_context->stop : stop_token(); }

inline bool stop_requested() noexcept {
  return impl::this_context != nullptr && impl::this_context->stop.stop_requested();
}

/// Blocks until `until`, or until a stop is requested of this unit. Returns whether the time has come: false means
/// stop.
inline bool sleep_until(deadline until) {
  static stop_token const none;
  stop_token const& stop = impl::this_context != nullptr ? impl::this_context->stop : none;
  return !stop.wait_until(until);
}

/// As sleep_until(deadline), at a point of any clock.
template <class Clock, class Duration> bool sleep_until(std::chrono::time_point<Clock, Duration> until) {
  return sleep_until(deadline::at(until));
}

/// Blocks for `time`, or until a stop is requested of this unit. Returns whether the time has passed: false means stop.
template <class Rep, class Period> bool sleep_for(std::chrono::duration<Rep, Period> time) {
  return sleep_until(deadline::after(time));
}

/// What this unit has used so far: a process, with all its threads; a thread, without fields of memory. Since when
/// (`wall`) is known by the clock's tick where tandem has not started it.
inline resource_usage usage() noexcept {
  bool const process = mode() == tandem::mode::process;
  auto used = process ? impl::measure_this_process() : impl::measure_this_thread();
  if (impl::this_context != nullptr)
    used.wall = std::chrono::nanoseconds(os::monotonic_ns() - impl::this_context->started_at);
  else
    used.wall = impl::age_of_task(process ? os::process_id() : os::thread_id());
  return used;
}

/// Lets others run first.
inline void yield() noexcept { os::yield(); }

}  // namespace tandem::this_unit

#endif  // TANDEM_EXECUTION_THIS_UNIT_HPP
