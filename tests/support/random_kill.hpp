// SPDX-License-Identifier: BSL-1.0
// Kills workers at random moments while they work together, and asks after each death whether all is well.
#ifndef TANDEM_TESTS_SUPPORT_RANDOM_KILL_HPP
#define TANDEM_TESTS_SUPPORT_RANDOM_KILL_HPP

#include <chrono>      // for microseconds
#include <cstdint>     // for uint64_t
#include <functional>  // for function
#include <string>      // for string

#include "support/seed.hpp"
#include "support/verdict.hpp"

namespace tandem_test {

/// What to do to whom. Only `work` is needed.
struct kill_storm {
  int workers = 4;
  long kills = 200;
  /// The longest time between two kills; each is drawn evenly from zero on.
  std::chrono::microseconds pause{1000};
  bool restart = true;  ///< a dead worker is followed by a new one; otherwise the storm ends with the last of them
  std::uint64_t seed = test_seed();
  /// In a forked worker: its number, and a seed of its own for each life. May return: then it is as if it had been
  /// killed.
  std::function<void(int worker, std::uint64_t seed)> work = {};
  /// Here, when a worker is dead and reaped, and before another takes its place; while the others work on.
  std::function<verdict(int worker)> check = {};
  /// Here, at the end, when nobody works any more.
  std::function<verdict()> finally = {};
};

/// What came of it.
struct storm_report {
  long kills = 0;              ///< workers that died of our SIGKILL
  long returned = 0;           ///< workers that had ended by themselves before it
  long failures = 0;           ///< complaints of the checks, and workers that ended otherwise
  std::string complaint = {};  ///< the first one, with the number of kills before it
  std::uint64_t seed = 0;

  bool passed() const { return failures == 0; }
  std::string to_string() const;
};

storm_report random_kill(kill_storm const& storm);

}  // namespace tandem_test

#endif  // TANDEM_TESTS_SUPPORT_RANDOM_KILL_HPP
