// SPDX-License-Identifier: BSL-1.0
#include "support/statistics.hpp"

#include <algorithm>  // for min, sort
#include <cmath>      // for exp, lgamma, log
#include <cstddef>    // for size_t

namespace tandem_bench {
namespace {

// The largest k for which the k-th smallest and the k-th largest of n figures enclose the median with 95 % confidence:
// each figure is below the median with probability 1/2, so that is a matter of coin tosses. 0 where there is none.
std::size_t enclosing_rank(std::size_t n) {
  double const count = static_cast<double>(n);
  double outside = 0;  // that k or fewer of n tosses give heads
  for (std::size_t k = 0; k < n / 2; ++k) {
    double const heads = static_cast<double>(k);
    outside += std::exp(std::lgamma(count + 1) - std::lgamma(heads + 1) - std::lgamma(count - heads + 1) -
                        count * std::log(2.0));
    if (2 * outside > 0.05) return k;
  }
  return n / 2;
}

}  // namespace

summary summarize(std::span<double const> figures) {
  if (figures.empty()) return {};
  std::vector<double> sorted(figures.begin(), figures.end());
  std::sort(sorted.begin(), sorted.end());
  std::size_t const n = sorted.size();
  std::size_t const rank = enclosing_rank(n);
  std::size_t const at = rank == 0 ? 0 : rank - 1;
  return {n % 2 != 0 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2, sorted.front(), sorted.back(),
          sorted[at], sorted[n - 1 - at]};
}

std::vector<double> ratios(std::span<double const> a, std::span<double const> b) {
  std::vector<double> result;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) result.push_back(a[i] / b[i]);
  return result;
}

}  // namespace tandem_bench
