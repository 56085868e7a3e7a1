// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_CREW_IMPL_OWN_PULSE_HPP
#define TANDEM_CREW_IMPL_OWN_PULSE_HPP

#include <algorithm>  // for min
#include <atomic>     // for memory_order
#include <chrono>     // for nanoseconds
#include <optional>   // for nullopt, optional

#include "tandem/core/deadline.hpp"    // for deadline
#include "tandem/core/outcome.hpp"     // for outcome
#include "tandem/crew/impl/pulse.hpp"  // for pulse, pulse_here
#include "tandem/execution/unit.hpp"   // for unit
#include "tandem/os/clock.hpp"         // for monotonic_ns

namespace tandem::impl {

/// A supervisor's own, where it is a child of another one: it says that it is ready, and that it is not hung.
class own_pulse {
 public:
  own_pulse() = default;
  /// That of the child which runs here; there may be none.
  static own_pulse of_this_child() noexcept { return own_pulse(pulse_here::find()); }

  /// When to do so again.
  deadline beat() const noexcept {
    if (mine_ == nullptr || mine_->every == 0) return deadline::never();
    // relaxed: as this_child::beat
    mine_->beaten.store(os::monotonic_ns(), std::memory_order_relaxed);
    return deadline::after(std::chrono::nanoseconds(mine_->every / 4));
  }

  /// What has become of `one`, or nothing where it runs still at `until`. Beats meanwhile.
  std::optional<outcome<void>> join(unit<void>& one, deadline until) const {
    for (;;) {
      auto const next = beat();
      if (auto end = one.join_until(std::min(until, next))) return end;
      if (until.passed()) return std::nullopt;
    }
  }

  void say_ready() const noexcept {
    // release: pairs with the acquire of who looks after this child
    if (mine_ != nullptr) mine_->ready.store(true, std::memory_order_release);
  }

 private:
  explicit own_pulse(pulse* mine) noexcept : mine_(mine) {}

  pulse* mine_ = nullptr;
};

}  // namespace tandem::impl

#endif  // TANDEM_CREW_IMPL_OWN_PULSE_HPP
