// SPDX-License-Identifier: BSL-1.0
// A watchdog that lives in another process, so that the tested one has no additional thread, signal handler or child.
//
//   main  ->  supervise()  ->  fork: the child runs the tests            (what a test sees as "this process")
//                              the parent reads a shared page: name and deadline of the test that runs
//
// When a deadline passes, the parent prints the test's name and the stacks of all threads (by gdb, where it is
// installed), kills whatever descends from the tests, and reports a failure. It is also the reaper of what the tests
// orphan, and says who outlived them.
//
// TANDEM_TEST_DEADLINE=SECONDS   for each test, instead of 60 (300 with a sanitizer)
// TANDEM_TEST_WATCHDOG=0         none, as when a debugger is attached at the start
#ifndef TANDEM_TESTS_SUPPORT_WATCHDOG_HPP
#define TANDEM_TESTS_SUPPORT_WATCHDOG_HPP

#include <sys/types.h>  // for pid_t

#include <chrono>       // for nanoseconds, seconds
#include <functional>   // for function
#include <string_view>  // for string_view
#include <vector>       // for vector

namespace tandem_test {

/// What supervise() returns when a deadline passed; the same as timeout(1).
inline constexpr int watchdog_expired = 124;

/// Returns what `program` returns, in a child of this process; here: a failure where it crashed, hung, or left somebody
/// behind.
int supervise(std::function<int()> const& program);

namespace watchdog {

/// The deadline of one test, when it asks for no other.
std::chrono::nanoseconds usual_allowance();

/// A test of this name begins, and has so much time. Called by the listener.
void begin(std::string_view test, std::chrono::nanoseconds allowance = usual_allowance());

/// No test runs.
void end();

/// Gives the running test this much time from now on, for one that is long by nature.
void allow(std::chrono::nanoseconds allowance);

/// Whether this process is the supervised one, whose orphans the watcher takes in.
bool orphans_are_ours();

/// Those orphans: processes that descended from this one, whose parents have died.
std::vector<pid_t> orphans();

}  // namespace watchdog
}  // namespace tandem_test

#endif  // TANDEM_TESTS_SUPPORT_WATCHDOG_HPP
