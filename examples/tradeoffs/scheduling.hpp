// SPDX-License-Identifier: BSL-1.0
// Scheduling: units of both kinds compete for one CPU, at the same time, and each tells how much of it it got.
#ifndef TANDEM_EXAMPLES_TRADEOFFS_SCHEDULING_HPP
#define TANDEM_EXAMPLES_TRADEOFFS_SCHEDULING_HPP

#include <sys/resource.h>  // for setpriority

#include <cstdint>  // for int64_t
#include <map>      // for map
#include <string>   // for string
#include <vector>   // for vector

#include <tandem/tandem.hpp>

#include "pinning.hpp"
#include "report.hpp"

namespace tradeoffs {

/// Keeps a CPU busy from `begin` to `end`, and returns how long it really ran.
inline std::int64_t compete(int cpu, int nice, std::int64_t begin, std::int64_t end) {
  pin_to(cpu);
  ::setpriority(PRIO_PROCESS, 0, nice);  // of this unit alone, on Linux
  while (now_ns() < begin) tandem::this_unit::yield();
  auto const before = now_ns(CLOCK_THREAD_CPUTIME_ID);
  while (now_ns() < end) {}
  return now_ns(CLOCK_THREAD_CPUTIME_ID) - before;
}

/// The shares, in percent, of two units of each mode given, all on one CPU; the second of each is nicer by `nice`.
inline std::map<tandem::mode, std::vector<double>> shares(std::vector<tandem::mode> const& modes, int nice,
                                                          std::int64_t duration) {
  auto const begin = now_ns() + 50'000'000;  // all have started by then
  std::map<tandem::mode, std::vector<tandem::unit<std::int64_t>>> units;
  for (int which = 0; which < 2; ++which) {
    for (auto const mode : modes) {
      units[mode].push_back(tandem::spawn(mode, compete, first_cpu(), which * nice, begin, begin + duration));
    }
  }
  std::map<tandem::mode, std::vector<double>> result;
  double sum = 0;
  for (auto& [mode, pair] : units) {
    for (auto& unit : pair) {
      result[mode].push_back(static_cast<double>(unit.join().value()));
      sum += result[mode].back();
    }
  }
  for (auto& [mode, pair] : result) {
    for (auto& share : pair) share *= 100 / sum;
  }
  return result;
}

inline void scheduling(report& to, bool quick) {
  std::int64_t const duration = quick ? 400'000'000 : 2'000'000'000;
  auto const percent = [](std::vector<double> const& pair) {
    return answer{number("%.1f %%", pair[0]) + " and " + number("%.1f %%", pair[1]), pair};
  };
  to.aspect("scheduling");
  auto const alike = shares(to.columns(), 0, duration);
  to.row("shares_percent", "two of each on one CPU: their shares of it",
         [&](auto mode) { return percent(alike.at(mode)); });
  auto const nicer = shares(to.columns(), 5, duration);
  to.row("shares_nice_5_percent", "the same, the second of each at nice 5",
         [&](auto mode) { return percent(nicer.at(mode)); });
}

}  // namespace tradeoffs

#endif  // TANDEM_EXAMPLES_TRADEOFFS_SCHEDULING_HPP
