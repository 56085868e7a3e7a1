// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_EXECUTION_IMPL_UNIT_CONTEXT_HPP
#define TANDEM_EXECUTION_IMPL_UNIT_CONTEXT_HPP

#include <sys/types.h>  // for pid_t

#include <atomic>   // for atomic
#include <cstdint>  // for int64_t, uint64_t
#include <string>   // for string

#include "tandem/core/mode.hpp"          // for mode
#include "tandem/execution/unit_id.hpp"  // for unit_id
#include "tandem/os/process_id.hpp"      // for process_id
#include "tandem/os/process_table.hpp"   // for thread_id
#include "tandem/sync/stop_token.hpp"    // for stop_token

namespace tandem::impl {

/// What a unit knows of itself. Lives as long as its workload runs.
struct unit_context {
  std::string const& name;
  tandem::mode mode;
  unit_id id;
  unit_id parent;
  stop_token const& stop;
  std::int64_t started_at;  // CLOCK_MONOTONIC
};

/// The calling unit's context; nullptr in a thread that tandem has not started.
inline constinit thread_local unit_context const* this_context = nullptr;

/// The calling unit's name: the one given, or one made of its number; empty in a thread that tandem has not started.
inline std::string this_name() {
  if (this_context == nullptr) return {};
  if (!this_context->name.empty()) return this_context->name;
  return to_string(this_context->mode).data() +
         (' ' + std::to_string(this_context->mode == mode::thread
                                   ? this_context->id.number
                                   : static_cast<std::uint64_t>(this_context->id.process)));
}

/// The number of the next thread of this process.
inline std::uint64_t next_thread_number() noexcept {
  static constinit std::atomic<std::uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

/// The calling thread's identity. A thread that tandem has not started is known by its TID, above all numbers that
/// tandem gives.
inline unit_id current_id() noexcept {
  if (this_context != nullptr) return this_context->id;
  thread_local unit_id known;
  pid_t const process = os::process_id();
  if (known.process != process) {  // the first call, or the first one after a fork
    pid_t const thread = os::thread_id();
    known = {process, thread == process ? 0 : static_cast<std::uint64_t>(thread) + (std::uint64_t{1} << 40)};
  }
  return known;
}

}  // namespace tandem::impl

#endif  // TANDEM_EXECUTION_IMPL_UNIT_CONTEXT_HPP
