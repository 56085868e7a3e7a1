// SPDX-License-Identifier: BSL-1.0
// Shows what is left behind by a process that dies at any one instruction of an operation.
//
//   for n = 0, 1, 2, ...:  reset here; fork; `prepare` in the child; n instructions of `operation`, one by one under
//   ptrace;
//                          SIGKILL; reap; `check` here;   until the operation ends before n instructions are over
//
// Both processes keep to one CPU, where a step costs about 3 us instead of 20 to 40. Long operations take every
// stride-th instruction, beginning at another one in each run (by test_seed()), and ordinary runs take a fifth of
// those; TANDEM_TEST_SOAK=1 takes all. Sanitizers and brief runs (build_kind.hpp) widen the stride more.
//
//   auto const report = kill_at_each_instruction({.reset = [&] { queue.clear(); },
//                                                 .operation = [&] { queue.push(1); },
//                                                 .check = [&] { return queue.pop_for(100ms).has_value() ||
//                                                 queue.empty(); }});
//   INFO(report.to_string());
//   CHECK(report.passed());
#ifndef TANDEM_TESTS_SUPPORT_KILL_AT_EACH_INSTRUCTION_HPP
#define TANDEM_TESTS_SUPPORT_KILL_AT_EACH_INSTRUCTION_HPP

#include <chrono>      // for milliseconds
#include <functional>  // for function
#include <string>      // for string

#include "support/verdict.hpp"

namespace tandem_test {

/// What to do to whom. Only `operation` and `check` are needed.
struct kill_experiment {
  std::function<void()> reset = {};      ///< here, before each point: puts what is shared back to the beginning
  std::function<void()> prepare = {};    ///< in the child, at full speed
  std::function<void()> operation = {};  ///< in the child, one instruction at a time
  std::function<verdict()> check = {};   ///< here, when the child is dead and reaped; must end by itself
  /// Here, when an instruction has put the child to sleep in the kernel (once for each sleep): for what should wake it.
  std::function<void()> asleep = {};
  /// Here, at the point, the child being stopped there. Where set, the child is not killed but runs on to the end of
  /// the operation afterwards: shows what an interruption by others, of any length, does at each instruction.
  std::function<void()> meanwhile = {};
  long stride = 1;  ///< every stride-th instruction is a point
  long first = 0;   ///< with `stride`: the first point
  /// How long a sleep in the kernel may last before the experiment is ended.
  std::chrono::milliseconds patience{2000};
};

/// What came of it.
struct kill_report {
  long points = 0;             ///< how many children were killed (or interrupted)
  long failures = 0;           ///< how many checks complained
  long first_failure = -1;     ///< at which instruction
  std::string complaint = {};  ///< what the first one said
  long sleeps = 0;             ///< how often a step slept in the kernel
  bool completed = false;      ///< the last child came to the end of the operation
  std::string skipped = {};    ///< why nothing was tried: ptrace is denied here

  /// All points tried, none broken. Also where the experiment had to be skipped: ask `skipped`.
  bool passed() const { return !skipped.empty() || (completed && failures == 0); }

  std::string to_string() const;
};

kill_report kill_at_each_instruction(kill_experiment const& experiment);

/// Whether a victim that waits for several words can be found asleep. False, and said in words, without futex_waitv(2):
/// each sleep is a slice of a millisecond then.
bool sleeps_until_woken();

/// While one of these is there, an ordinary run leaves out no point but those of `stride`: for a control, which has to
/// meet the one at which its subject breaks.
class no_wider_stride {
 public:
  no_wider_stride() noexcept { wanted_ = true; }
  no_wider_stride(no_wider_stride const&) = delete;
  ~no_wider_stride() { wanted_ = false; }
  static bool wanted() noexcept { return wanted_; }

 private:
  inline static bool wanted_ = false;
};

/// The short form: `prepare` and `operation` in the child, `check` here.
inline kill_report kill_at_each_instruction(std::function<void()> prepare, std::function<void()> operation,
                                            std::function<verdict()> check) {
  return kill_at_each_instruction(
      {.prepare = std::move(prepare), .operation = std::move(operation), .check = std::move(check)});
}

}  // namespace tandem_test

#endif  // TANDEM_TESTS_SUPPORT_KILL_AT_EACH_INSTRUCTION_HPP
