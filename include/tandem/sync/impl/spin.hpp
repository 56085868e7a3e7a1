// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_SYNC_IMPL_SPIN_HPP
#define TANDEM_SYNC_IMPL_SPIN_HPP

#include <atomic>  // for atomic

#include "tandem/config.hpp"         // for TANDEM_NOINLINE
#include "tandem/os/cpu.hpp"         // for relax
#include "tandem/os/scheduling.hpp"  // for is_on_one_cpu

namespace tandem::impl {

/// Whether waiting for another thread by looking again can make sense: not where there is one CPU for all. Found out
/// once, before main, when no thread has been bound to a CPU of its own yet; a forked process has it from its parent.
inline std::atomic<bool> several_cpus{!os::is_on_one_cpu()};
inline bool spinning_helps() noexcept { return several_cpus.load(std::memory_order_relaxed); }

/// Looks at longer and longer distances, so that who works on the line has it for itself: 1, 2, 4 to `longest` pauses
/// of the processor, up to a budget.
class backoff {
 public:
  explicit backoff(int budget, int longest = 32) noexcept : left_(budget), longest_(longest) {}

  /// Pauses once; false where the budget is used up.
  bool pause() noexcept {
    if (left_ <= 0) return false;
    for (int i = 0; i < step_; ++i) os::relax();
    left_ -= step_;
    spent_ += step_;
    if (step_ < longest_) step_ *= 2;
    return true;
  }

  int spent() const noexcept { return spent_; }

 private:
  int left_, longest_, spent_ = 0, step_ = 1;
};

}  // namespace tandem::impl

#endif  // TANDEM_SYNC_IMPL_SPIN_HPP
