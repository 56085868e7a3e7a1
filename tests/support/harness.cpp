// SPDX-License-Identifier: BSL-1.0
#include "support/harness.hpp"

#include <unistd.h>  // for getpid

#include <cstdio>     // for fprintf
#include <cstdlib>    // for getenv
#include <exception>  // for exception
#include <optional>   // for optional
#include <thread>     // for thread
#include <utility>    // for exchange

#include "support/build_kind.hpp"
#include "support/child.hpp"
#include "support/leak_gate.hpp"
#include "support/place.hpp"
#include "support/syscall_fault.hpp"
#include "support/temp_dir.hpp"
#include "support/watchdog.hpp"

namespace tandem_test {
namespace {

std::optional<leak_gate> gate;
int tests_that_leaked = 0;
bool warm = false;
pid_t tests = 0;  // the process that runs them

char const* environment(char const* name) {
  auto const* value = std::getenv(name);
  return value == nullptr || *value == '\0' ? nullptr : value;
}

}  // namespace

int run_all(std::function<int()> const& run) {
  try {
    if (environment("TANDEM_TEST_UNPRIVILEGED") != nullptr) give_up_privileges();
    temp_dir const folder;
    ::setenv("TMPDIR", folder.path().c_str(), 1);
    return supervise([&] {
      // In the child alone: the watchdog needs its own system calls.
      if (auto const* faults = environment("TANDEM_TEST_FAULT")) inject(faults_from_string(faults));
      int const result = run();
      if (tests_that_leaked != 0) std::fprintf(stderr, "%d test case(s) leaked; see above.\n", tests_that_leaked);
      return result != 0 ? result : (tests_that_leaked != 0 ? 1 : 0);
    });
  } catch (std::exception const& error) {
    std::fprintf(stderr, "the tests could not begin: %s\n", error.what());
    return 1;
  }
}

void test_begins(std::string const& name) {
  if (!std::exchange(warm, true)) {
    if (thread_sanitized) std::thread([] {}).join();  // the first one brings up a thread of the sanitizer's
    if (warm_up != nullptr) warm_up();
  }
  gate.emplace();
  leak_gate::take_expectation();
  watchdog::begin(name);
  tests = ::getpid();
}

void test_ended(std::string const& name) {
  if (::getpid() != tests) return;  // a child that crashed into Catch2 3's signal handler
  clear_places();
  if (leak_gate::take_expectation()) return watchdog::end();
  auto const leaks = gate->leaks();
  watchdog::end();
  if (leaks.empty()) return;
  ++tests_that_leaked;
  std::fprintf(stderr, "\nleak gate: left behind by: %s\n", name.c_str());
  for (auto const& leak : leaks) std::fprintf(stderr, "  %s\n", leak.c_str());
  std::fprintf(stderr, "\n");
}

}  // namespace tandem_test
