// SPDX-License-Identifier: BSL-1.0
#include "tandem/execution/scheduling.hpp"

#include <sched.h>
#include <sys/resource.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <system_error>
#include <thread>

#include "execution/kinds.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"

using tandem::scheduling, tandem_test::ContainsSubstring, tandem_test::as_unprivileged;

namespace {

int own_policy() { return ::sched_getscheduler(0); }
int own_priority() {
  sched_param parameter{};
  ::sched_getparam(0, &parameter);
  return parameter.sched_priority;
}
int own_nice() { return ::getpriority(PRIO_PROCESS, 0); }

/// 0, or the errno that says why not.
int refusal_of_real_time() {
  int error = 0;
  std::thread([&error] {
    sched_param parameter{};
    parameter.sched_priority = 1;
    if (::sched_setscheduler(0, SCHED_FIFO, &parameter) != 0) error = errno;
  }).join();
  return error;
}

}  // namespace

TEST_CASE("scheduling: a policy, and a priority for those that have one", "[execution][scheduling]") {
  CHECK(scheduling() == scheduling::inherit);
  CHECK(scheduling::inherit.is_inherit());
  CHECK_FALSE(scheduling::other.is_inherit());
  CHECK(scheduling::batch.policy() == SCHED_BATCH);
  CHECK(scheduling::fifo(10).policy() == SCHED_FIFO);
  CHECK(scheduling::fifo(10).priority() == 10);
  CHECK(scheduling::fifo(10).is_real_time());
  CHECK(scheduling::round_robin(1) != scheduling::round_robin(2));
  CHECK(scheduling::inherit.to_string() == "inherit");
  CHECK(scheduling::other.to_string() == "other");
  CHECK(scheduling::batch.to_string() == "batch");
  CHECK(scheduling::idle.to_string() == "idle");
  CHECK(scheduling::fifo(10).to_string() == "fifo(10)");
  CHECK(scheduling::round_robin(99).to_string() == "round_robin(99)");
}

TEST_CASE("scheduling: a priority that there is not is refused", "[execution][scheduling]") {
  int const priority = GENERATE(0, -1, 100);
  try {
    static_cast<void>(scheduling::round_robin(priority));
    FAIL("no exception");
  } catch (std::invalid_argument const& error) {
    CHECK_THAT(error.what(), ContainsSubstring("scheduling::round_robin") && ContainsSubstring("1 to 99"));
  }
  CHECK_THROWS_AS(scheduling::fifo(priority), std::invalid_argument);
}

TEMPLATE_TEST_CASE("scheduling: a unit has the policy that it is given, whoever starts it", "[execution][scheduling]",
                   tandem_test::threads_only, tandem_test::processes_only) {
  auto const body = [] {
    for (auto const& policy : {scheduling::other, scheduling::batch, scheduling::idle})
      CHECK(TestType::start({.policy = policy}, own_policy).join().value() == policy.policy());
    CHECK(TestType::start(own_policy).join().value() == own_policy());
  };
  body();
  auto const result = as_unprivileged(body);
  INFO(result.to_string());
  CHECK(result.passed());
}

TEMPLATE_TEST_CASE("scheduling: real time is for those with the right to it", "[execution][scheduling]",
                   tandem_test::threads_only, tandem_test::processes_only) {
  if (int const why = refusal_of_real_time(); why == 0) {
    CHECK(TestType::start({.policy = scheduling::fifo(7)}, own_policy).join().value() == SCHED_FIFO);
    CHECK(TestType::start({.policy = scheduling::round_robin(7)}, own_priority).join().value() == 7);
  } else {
    WARN("skipped: sched_setscheduler(2), SCHED_FIFO: " << std::strerror(why));
  }
  auto const result = as_unprivileged([] {
    if (refusal_of_real_time() == 0) return;
    try {
      TestType::start({.name = "fast", .policy = scheduling::fifo(7)}, own_policy);
      FAIL("no exception");
    } catch (std::system_error const& error) {
      CHECK(error.code() == std::errc::operation_not_permitted);
      CHECK_THAT(error.what(), ContainsSubstring("fast") && ContainsSubstring("options.policy fifo(7)") &&
                                   ContainsSubstring("RLIMIT_RTPRIO"));
    }
  });
  INFO(result.to_string());
  CHECK(result.passed());
}

TEMPLATE_TEST_CASE("scheduling: a nice value is the unit's alone", "[execution][scheduling][options]",
                   tandem_test::threads_only, tandem_test::processes_only) {
  auto const result = as_unprivileged([] {
    int const before = own_nice();
    CHECK(TestType::start({.nice = 19}, own_nice).join().value() == 19);
    CHECK(TestType::start({.nice = before}, own_nice).join().value() == before);
    CHECK(own_nice() == before);
    try {
      TestType::start({.name = "greedy", .nice = -20}, own_nice);
      FAIL("no exception");
    } catch (std::system_error const& error) {
      CHECK(error.code() == std::errc::permission_denied);
      CHECK_THAT(error.what(), ContainsSubstring("greedy") && ContainsSubstring("options.nice -20") &&
                                   ContainsSubstring("RLIMIT_NICE"));
    }
  });
  INFO(result.to_string());
  CHECK(result.passed());
}
