// SPDX-License-Identifier: BSL-1.0
// By which a supervisor sees that a child is alive, and how the child finds it.
#ifndef TANDEM_CREW_IMPL_PULSE_HPP
#define TANDEM_CREW_IMPL_PULSE_HPP

#include <sys/types.h>  // for pid_t

#include <atomic>   // for atomic
#include <cstdint>  // for int64_t
#include <utility>  // for exchange

#include "tandem/core/shareable.hpp"               // for enable_shareable
#include "tandem/execution/impl/unit_context.hpp"  // for this_context
#include "tandem/os/process_id.hpp"                // for process_id

namespace tandem::impl {

struct pulse {
  explicit pulse(std::int64_t heartbeat) noexcept : every(heartbeat) {}

  std::int64_t const every;             // nanoseconds; 0: it need not beat
  std::atomic<std::int64_t> beaten{0};  // CLOCK_MONOTONIC
  std::atomic<bool> ready{false};
};

}  // namespace tandem::impl

template <> inline constexpr bool tandem::enable_shareable<tandem::impl::pulse> = true;

namespace tandem::impl {

/// Where the pulse of the child is that runs here: in this thread, or in this process. What a fork has copied from the
/// starter is known by its process's number.
class pulse_here {
 public:
  /// For the life of this object, in the thread that is the child, or the first one of a process that is.
  explicit pulse_here(pulse* mine) noexcept : is_process_(this_context->mode == mode::process) {
    if (is_process_) of_process_.store(mine, std::memory_order_relaxed);
    before_ = std::exchange(of_thread_, {mine, os::process_id()});
    if (is_process_) process_.store(os::process_id(), std::memory_order_release);  // pairs with find's acquire
  }
  pulse_here(pulse_here const&) = delete;
  ~pulse_here() {
    if (is_process_) process_.store(0, std::memory_order_relaxed);
    of_thread_ = before_;
  }

  /// The calling child's; nullptr where there is none.
  static pulse* find() noexcept {
    pid_t const here = os::process_id();
    if (of_thread_.process == here) return of_thread_.at;
    return process_.load(std::memory_order_acquire) == here ? of_process_.load(std::memory_order_relaxed) : nullptr;
  }

 private:
  struct place {
    pulse* at;
    pid_t process;
  };
  static inline constinit thread_local place of_thread_{nullptr, 0};
  static inline constinit std::atomic<pulse*> of_process_{nullptr};
  static inline constinit std::atomic<pid_t> process_{0};

  bool is_process_;
  place before_;
};

}  // namespace tandem::impl

#endif  // TANDEM_CREW_IMPL_PULSE_HPP
