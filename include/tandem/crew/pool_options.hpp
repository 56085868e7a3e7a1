// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_CREW_POOL_OPTIONS_HPP
#define TANDEM_CREW_POOL_OPTIONS_HPP

#include <chrono>   // for nanoseconds
#include <cstddef>  // for size_t
#include <cstdint>  // for uint64_t
#include <string>   // for string

#include "tandem/execution/start.hpp"  // for start

namespace tandem {

/// How a pool's workers are to be.
/// @par Threads and processes  A value.
struct pool_options {
  /// Of the workers: "pool 0", "pool 1".
  std::string name = "pool";
  /// How many; 0: as many as the calling thread may use CPUs. At most 1024.
  std::size_t workers = 0;
  /// After so many tasks a worker ends and is followed by a fresh one: what it leaked is gone. 0: never.
  std::uint64_t max_tasks_per_worker = 0;
  /// How workers that are processes come to be: fork or zygote; a spare, or exec, cannot run the pool's closures.
  tandem::start start = start::fork;
  /// Whether each worker gets a share of the CPUs of its own, so that a pool within a task, as wide as by default,
  /// keeps to that share.
  bool divide_cpus = false;
};

/// Which tasks go first. Among equals the order is that of submission.
enum class priority : std::uint8_t { low, normal, high };

/// Which failures a task's `retries` are for.
enum class retry_on : std::uint8_t {
  exception = 1,  ///< it threw
  death = 2,      ///< its worker, a process, died of it
  timeout = 4,    ///< it was past its time
  any = 7,
};
constexpr retry_on operator|(retry_on a, retry_on b) noexcept {
  return static_cast<retry_on>(static_cast<unsigned>(a) | static_cast<unsigned>(b));
}
/// Whether `all` holds `one`.
constexpr bool includes(retry_on all, retry_on one) noexcept {
  return (static_cast<unsigned>(all) & static_cast<unsigned>(one)) != 0;
}

/// How a task is to be run.
/// @par Threads and processes  A value.
struct task_options {
  /// How long it may run before its worker is killed, and it fails, alone (failure::timed_out); 0: as long as it likes.
  /// Of processes only: a thread cannot be ended.
  std::chrono::nanoseconds timeout{0};
  /// Before which others it is begun; one that runs is never interrupted.
  tandem::priority priority = tandem::priority::normal;
  /// How often it is tried again, after a failure of the kinds in `retry_on`; its outcome is that of the last try. So
  /// many workers and one more it can kill. Its closure and arguments are kept, and copied for each try.
  std::uint32_t retries = 0;
  tandem::retry_on retry_on = tandem::retry_on::any;
};

/// How map, for_each and transform_reduce divide their items.
/// @par Threads and processes  A value.
struct map_options {
  /// Of each chunk.
  task_options task = {};
  /// How many items make one task; 0: as many as take about a millisecond, as measured, and fewer toward the end.
  std::size_t chunk = 0;
  /// Whether the first failure ends the rest: what has not begun is not, what runs is asked to stop.
  bool fail_fast = false;
};

}  // namespace tandem

#endif  // TANDEM_CREW_POOL_OPTIONS_HPP
