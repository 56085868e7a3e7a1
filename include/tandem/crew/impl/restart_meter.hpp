// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_CREW_IMPL_RESTART_METER_HPP
#define TANDEM_CREW_IMPL_RESTART_METER_HPP

#include <cstdint>  // for int64_t, uint64_t
#include <deque>    // for deque
#include <utility>  // for move
#include <vector>   // for vector

#include "tandem/core/failure.hpp"  // for failure

namespace tandem::impl {

/// Counts the failures of the last period.
class restart_meter {
 public:
  restart_meter(std::uint64_t most, std::int64_t period_ns) noexcept : most_(most), period_(period_ns) {}

  /// One more, at `now`. Whether that is too many.
  bool add(std::int64_t now, failure why) {
    while (!recent_.empty() && now - recent_.front().at >= period_) recent_.pop_front();
    recent_.push_back({now, std::move(why)});
    return recent_.size() > most_;
  }

  std::vector<failure> failures() const {
    std::vector<failure> all;
    for (auto const& one : recent_) all.push_back(one.why);
    return all;
  }

  void clear() noexcept { recent_.clear(); }

 private:
  struct entry {
    std::int64_t at;
    failure why;
  };

  std::uint64_t most_;
  std::int64_t period_;
  std::deque<entry> recent_;
};

}  // namespace tandem::impl

#endif  // TANDEM_CREW_IMPL_RESTART_METER_HPP
