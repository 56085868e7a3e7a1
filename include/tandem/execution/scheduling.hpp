// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_EXECUTION_SCHEDULING_HPP
#define TANDEM_EXECUTION_SCHEDULING_HPP

#include <sched.h>  // for SCHED_OTHER, SCHED_BATCH, SCHED_IDLE, SCHED_FIFO, SCHED_RR

#include <stdexcept>  // for invalid_argument
#include <string>     // for string, to_string

namespace tandem {

/// By which rule the kernel chooses when a unit runs (sched(7)): `{.policy = scheduling::batch}`, `{.policy =
/// scheduling::fifo(10)}`.
///
/// | | | needs |
/// |---|---|---|
/// | `inherit` | the starter's: the default | |
/// | `other` | shares the CPU fairly, weighted by the nice value: the usual one | |
/// | `batch` | the same, for what computes and need not answer at once | |
/// | `idle` | only where nobody else wants the CPU | |
/// | `fifo(priority)` | real time: before all of the above, until it waits | CAP_SYS_NICE or RLIMIT_RTPRIO |
/// | `round_robin(priority)` | the same, in turn with its equals | the same |
///
/// @par Shared memory         Yes: two numbers.
/// @par Threads and processes A value.
/// @par Peer death            Does not concern it.
class scheduling {
 public:
  static scheduling const inherit;
  static scheduling const other;
  static scheduling const batch;
  static scheduling const idle;

  /// Real time, with a priority from 1 (low) to 99. @throws std::invalid_argument for another
  static constexpr scheduling fifo(int priority) { return {SCHED_FIFO, checked(priority, "fifo")}; }
  static constexpr scheduling round_robin(int priority) { return {SCHED_RR, checked(priority, "round_robin")}; }

  /// As scheduling::inherit.
  constexpr scheduling() noexcept = default;

  /// Whether the starter's is kept.
  constexpr bool is_inherit() const noexcept { return policy_ < 0; }
  constexpr bool is_real_time() const noexcept { return policy_ == SCHED_FIFO || policy_ == SCHED_RR; }
  /// The system's number (SCHED_OTHER and the like); -1 for `inherit`.
  constexpr int policy() const noexcept { return policy_; }
  /// 0 where the policy has none.
  constexpr int priority() const noexcept { return priority_; }

  /// "fifo(10)".
  std::string to_string() const {
    switch (policy_) {
      case SCHED_OTHER:
        return "other";
      case SCHED_BATCH:
        return "batch";
      case SCHED_IDLE:
        return "idle";
      case SCHED_FIFO:
        return "fifo(" + std::to_string(priority_) + ')';
      case SCHED_RR:
        return "round_robin(" + std::to_string(priority_) + ')';
      default:
        return "inherit";
    }
  }

  friend constexpr bool operator==(scheduling const&, scheduling const&) noexcept = default;

 private:
  constexpr scheduling(int policy, int priority) noexcept : policy_(policy), priority_(priority) {}

  static constexpr int checked(int priority, char const* what) {
    if (priority < 1 || priority > 99) {
      throw std::invalid_argument("tandem: scheduling::" + std::string(what) + ": priority " +
                                  std::to_string(priority) + " is not one of 1 to 99");
    }
    return priority;
  }

  int policy_ = -1;
  int priority_ = 0;
};

inline constexpr scheduling scheduling::inherit{-1, 0};
inline constexpr scheduling scheduling::other{SCHED_OTHER, 0};
inline constexpr scheduling scheduling::batch{SCHED_BATCH, 0};
inline constexpr scheduling scheduling::idle{SCHED_IDLE, 0};

}  // namespace tandem

#endif  // TANDEM_EXECUTION_SCHEDULING_HPP
