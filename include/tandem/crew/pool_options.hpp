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
};

/// How a task is to be run.
/// @par Threads and processes  A value.
struct task_options {
  /// How long it may run before its worker is killed, and it fails, alone (failure::timed_out); 0: as long as it likes.
  /// Of processes only: a thread cannot be ended.
  std::chrono::nanoseconds timeout{0};
};

}  // namespace tandem

#endif  // TANDEM_CREW_POOL_OPTIONS_HPP
