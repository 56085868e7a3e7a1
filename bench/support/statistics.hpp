// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_BENCH_SUPPORT_STATISTICS_HPP
#define TANDEM_BENCH_SUPPORT_STATISTICS_HPP

#include <span>    // for span
#include <vector>  // for vector

namespace tandem_bench {

/// The median of some figures, how far they spread, and between which of them the true median lies with at least 95 %
/// confidence (by their ranks alone: nothing is assumed of how they are distributed). Fewer than six figures cannot
/// give that; it is min..max then.
struct summary {
  double median = 0, min = 0, max = 0, low = 0, high = 0;
};
summary summarize(std::span<double const> figures);

/// Round by round, `a` over `b`: what slows both in a round, a busy machine or a slower clock, is not in the ratio.
std::vector<double> ratios(std::span<double const> a, std::span<double const> b);

}  // namespace tandem_bench

#endif  // TANDEM_BENCH_SUPPORT_STATISTICS_HPP
