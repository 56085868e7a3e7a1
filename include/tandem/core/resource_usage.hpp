// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_CORE_RESOURCE_USAGE_HPP
#define TANDEM_CORE_RESOURCE_USAGE_HPP

#include <sys/resource.h>  // for rusage

#include <cstdint>   // for uint64_t
#include <mutex>     // for chrono's durations: <chrono> adds its formatting, a quarter more to parse
#include <optional>  // for optional

namespace tandem {

/// What a unit has used so far, or had used in all when it ended. One struct for both modes: what a mode cannot know is
/// empty, not zero. Memory is in bytes.
/// @par Shared memory         Yes, as a value.
/// @par Threads and processes A value: concurrent reads are fine. Transferable.
/// @par Peer death            Does not concern it.
struct resource_usage {
  std::optional<std::chrono::nanoseconds> wall;       ///< from its start to its end, or until now
  std::optional<std::chrono::nanoseconds> user;       ///< on a CPU, in its own code
  std::optional<std::chrono::nanoseconds> system;     ///< on a CPU, in the kernel
  std::optional<std::uint64_t> peak_memory;           ///< the most that was resident; of a process
  std::optional<std::uint64_t> private_memory;        ///< resident and its own; of a process
  std::optional<std::uint64_t> shared_memory;         ///< resident and mapped by others too; of a process
  std::optional<std::uint64_t> minor_faults;          ///< pages found in memory
  std::optional<std::uint64_t> major_faults;          ///< pages read from a device
  std::optional<std::uint64_t> voluntary_switches;    ///< it waited for something
  std::optional<std::uint64_t> involuntary_switches;  ///< its time slice was over
  std::optional<std::uint64_t> bytes_read;            ///< by system calls, from anything
  std::optional<std::uint64_t> bytes_written;         ///< by system calls, to anything

  /// The fields that the kernel's record of a process knows: times on the CPU, peak memory, faults, switches.
  /// @throws nothing.
  static resource_usage of_process(::rusage const& used) noexcept {
    resource_usage usage = of_thread(used);
    usage.peak_memory = count(used.ru_maxrss) * 1024;
    return usage;
  }

  /// The same for a thread (RUSAGE_THREAD), of which the peak of memory says nothing: that is its process's.
  /// @throws nothing.
  static resource_usage of_thread(::rusage const& used) noexcept {
    resource_usage usage;
    usage.user = time(used.ru_utime);
    usage.system = time(used.ru_stime);
    usage.minor_faults = count(used.ru_minflt);
    usage.major_faults = count(used.ru_majflt);
    usage.voluntary_switches = count(used.ru_nvcsw);
    usage.involuntary_switches = count(used.ru_nivcsw);
    return usage;
  }

  friend bool operator==(resource_usage const&, resource_usage const&) noexcept = default;

 private:
  static std::uint64_t count(long number) noexcept { return number > 0 ? static_cast<std::uint64_t>(number) : 0; }
  static std::chrono::nanoseconds time(::timeval const& value) noexcept {
    return std::chrono::seconds(value.tv_sec) + std::chrono::microseconds(value.tv_usec);
  }
};

}  // namespace tandem

#endif  // TANDEM_CORE_RESOURCE_USAGE_HPP
