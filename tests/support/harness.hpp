// SPDX-License-Identifier: BSL-1.0
// What happens around the tests: before the first, around each, after the last. Free of Catch2; main.cpp ties the two
// together.
#ifndef TANDEM_TESTS_SUPPORT_HARNESS_HPP
#define TANDEM_TESTS_SUPPORT_HARNESS_HPP

#include <functional>  // for function
#include <string>      // for string

namespace tandem_test {

/// Where a room's tests define it, called at the top of main. It is weak, so a binary needs none.
[[gnu::weak]] void at_start(int argc, char** argv);

/// Runs all tests in a watched child, with a temporary folder of its own, as the environment asks:
/// TANDEM_TEST_UNPRIVILEGED=1 as the user nobody; TANDEM_TEST_FAULT="clone3=ENOSYS,..." with system calls that fail.
int run_all(std::function<int()> const& run);

/// A test case begins: its deadline is set, its leak gate takes a picture.
void test_begins(std::string const& name);

/// It has ended: prints what it leaked, which makes run_all() fail.
void test_ended(std::string const& name);

}  // namespace tandem_test

#endif  // TANDEM_TESTS_SUPPORT_HARNESS_HPP
