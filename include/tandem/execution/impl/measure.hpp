// SPDX-License-Identifier: BSL-1.0
// What the living have used so far. Each field is asked of the kernel by itself, and is empty where it does not tell.
#ifndef TANDEM_EXECUTION_IMPL_MEASURE_HPP
#define TANDEM_EXECUTION_IMPL_MEASURE_HPP

#include <sys/types.h>  // for pid_t

#include <chrono>    // for nanoseconds
#include <cstdint>   // for int64_t, uint64_t
#include <cstdio>    // for snprintf
#include <optional>  // for optional

#include "tandem/core/resource_usage.hpp"  // for resource_usage
#include "tandem/os/clock.hpp"             // for boot_time_ns
#include "tandem/os/close_range.hpp"       // for descriptor_number
#include "tandem/os/descriptor.hpp"        // for close, open
#include "tandem/os/directory.hpp"         // for for_each_entry
#include "tandem/os/process_id.hpp"        // for process_id
#include "tandem/os/process_table.hpp"     // for thread_id
#include "tandem/os/usage.hpp"             // for proc_text, counts_of, cpu_time_of_process

namespace tandem::impl {

inline void measure_counts(resource_usage& usage, os::task_counts const& counts) noexcept {
  usage.minor_faults = counts.minor_faults;
  usage.major_faults = counts.major_faults;
}

/// The exact time on a CPU, parted as the kernel's ticks are: it keeps no other record of the parts.
inline void measure_cpu(resource_usage& usage, std::optional<std::int64_t> total,
                        std::optional<os::task_counts> const& counts) noexcept {
  if (!total || !counts) return;
  auto const user = static_cast<double>(counts->user_ticks), system = static_cast<double>(counts->system_ticks);
  double const share = user + system > 0 ? user / (user + system) : 1;
  usage.user = std::chrono::nanoseconds(static_cast<std::int64_t>(static_cast<double>(*total) * share));
  usage.system = std::chrono::nanoseconds(*total) - *usage.user;
}

/// Of a "status" file: one thread's.
inline void measure_switches(resource_usage& usage, os::proc_text const& status) noexcept {
  usage.voluntary_switches = status["voluntary_ctxt_switches:"];
  usage.involuntary_switches = status["nonvoluntary_ctxt_switches:"];
}

inline void measure_io(resource_usage& usage, os::proc_text const& io) noexcept {
  usage.bytes_read = io["rchar:"];
  usage.bytes_written = io["wchar:"];
}

inline void measure_memory(resource_usage& usage, pid_t process) noexcept {
  if (auto const peak = os::proc_text::of_process(process, "status")["VmHWM:"]) usage.peak_memory = *peak * 1024;
  auto const maps = os::proc_text::of_process(process, "smaps_rollup");
  auto const sum = [&](auto... keys) -> std::optional<std::uint64_t> {
    std::uint64_t kilobytes = 0;
    bool known = false;
    for (char const* const key : {keys...}) {
      if (auto const one = maps[key]) {
        kilobytes += *one;
        known = true;
      }
    }
    return known ? std::optional(kilobytes * 1024) : std::nullopt;
  };
  usage.private_memory = sum("Private_Clean:", "Private_Dirty:", "Private_Hugetlb:");
  usage.shared_memory = sum("Shared_Clean:", "Shared_Dirty:", "Shared_Hugetlb:");
}

/// Of a process, this one or a child. All but the wall time, which its starter knows. The kernel does not tell others
/// about the switches of threads that have ended.
inline resource_usage measure_process(pid_t process) noexcept {
  resource_usage usage;
  auto const counts = os::counts_of(os::proc_text::of_process(process, "stat"));
  if (!counts) return usage;
  measure_counts(usage, *counts);
  measure_cpu(usage, os::cpu_time_of_process(process), counts);
  measure_memory(usage, process);
  measure_io(usage, os::proc_text::of_process(process, "io"));
  char path[64];
  std::snprintf(path, sizeof path, "/proc/%d/task", process);
  if (int const tasks = os::open(path, O_RDONLY | O_DIRECTORY); tasks >= 0) {
    std::uint64_t voluntary = 0, involuntary = 0;
    os::for_each_entry(tasks, [&](char const* name) {
      pid_t const thread = os::descriptor_number(name);
      if (thread <= 0) return;
      resource_usage one;
      measure_switches(one, os::proc_text::of_thread(process, thread, "status"));
      voluntary += one.voluntary_switches.value_or(0);
      involuntary += one.involuntary_switches.value_or(0);
    });
    os::close(tasks);
    usage.voluntary_switches = voluntary;
    usage.involuntary_switches = involuntary;
  }
  return usage;
}

/// Of a living thread of this process. All but the wall time.
inline resource_usage measure_thread(pid_t thread) noexcept {
  pid_t const process = os::process_id();
  resource_usage usage;
  auto const counts = os::counts_of(os::proc_text::of_thread(process, thread, "stat"));
  if (!counts) return usage;
  measure_counts(usage, *counts);
  measure_cpu(usage, os::cpu_time_of_thread(thread), counts);
  measure_switches(usage, os::proc_text::of_thread(process, thread, "status"));
  measure_io(usage, os::proc_text::of_thread(process, thread, "io"));
  return usage;
}

/// Of the calling thread.
inline resource_usage measure_this_thread() noexcept {
  auto usage = resource_usage::of_thread(os::usage_of_this_thread());
  measure_io(usage, os::proc_text::of_thread(os::process_id(), os::thread_id(), "io"));
  return usage;
}

/// Of the calling process.
inline resource_usage measure_this_process() noexcept {
  auto usage = resource_usage::of_process(os::usage_of_this_process());
  measure_memory(usage, os::process_id());
  measure_io(usage, os::proc_text::of_process(os::process_id(), "io"));
  return usage;
}

/// For how long a task of this process runs, by the kernel's note of its start, which is kept by the tick.
inline std::optional<std::chrono::nanoseconds> age_of_task(pid_t thread) noexcept {
  auto const counts = os::counts_of(os::proc_text::of_thread(os::process_id(), thread, "stat"));
  if (!counts) return std::nullopt;
  std::int64_t const age = os::boot_time_ns() - static_cast<std::int64_t>(counts->start_ticks) * os::tick_ns();
  return std::chrono::nanoseconds(age > 0 ? age : 0);
}

}  // namespace tandem::impl

#endif  // TANDEM_EXECUTION_IMPL_MEASURE_HPP
