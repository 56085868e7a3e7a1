// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_BENCH_SUPPORT_OPTIONS_HPP
#define TANDEM_BENCH_SUPPORT_OPTIONS_HPP

#include <optional>  // for optional
#include <string>    // for string

#include "support/placement.hpp"  // for placement

namespace tandem_bench {

/// What the command line asked for.
struct run_options {
  int rounds = 21;
  double seconds = 0.05;  // of one round of one peer
  bool quick = false;     // one call of each peer: that it runs, and is right
  bool strict = false;    // a budget that is missed is a failure of the program
  std::optional<placement> pin;
  std::string json;
};
run_options const& options() noexcept;

/// Whether this is only a trial that the benchmarks run: questions() may then take smaller sizes.
inline bool quick() noexcept { return options().quick; }

}  // namespace tandem_bench

#endif  // TANDEM_BENCH_SUPPORT_OPTIONS_HPP
