// SPDX-License-Identifier: BSL-1.0
#include "tandem/os/scheduling.hpp"

#include <cerrno>
#include <thread>
#include <vector>

#include "support/catch.hpp"
#include "support/child.hpp"

namespace os = tandem::os;

TEST_CASE("scheduling: the CPUs of a thread are read and set by mask", "[os][scheduling]") {
  std::vector<unsigned long> before(64);
  long const words = os::cpus_of_thread(0, before.data(), before.size());
  REQUIRE(words > 0);
  unsigned first = 0;
  while ((before[first / 64] >> first % 64 & 1) == 0) ++first;
  std::thread([first] {
    std::vector<unsigned long> one(64), now(64);
    one[first / 64] = 1UL << first % 64;
    CHECK(os::set_cpus_of_thread(0, one.data(), one.size()) == 0);
    CHECK(os::cpus_of_thread(0, now.data(), now.size()) > 0);
    CHECK(now == one);
    std::vector<unsigned long> const none(64);
    CHECK(os::set_cpus_of_thread(0, none.data(), none.size()) == -1);
    CHECK(errno == EINVAL);
  }).join();
  std::vector<unsigned long> after(64);
  os::cpus_of_thread(0, after.data(), after.size());
  CHECK(after == before);
}

TEST_CASE("scheduling: a mask too small for the kernel is said to be so", "[os][scheduling]") {
  unsigned long one = 0;
  CHECK(os::cpus_of_thread(0, &one, 0) == -1);
  CHECK(errno == EINVAL);
}

TEST_CASE("scheduling: nice value and policy are one thread's", "[os][scheduling]") {
  int const before = os::nice_of_thread(0);
  std::thread([] {
    CHECK(os::set_nice_of_thread(0, 19) == 0);
    CHECK(os::nice_of_thread(0) == 19);
    CHECK(os::set_policy_of_thread(0, SCHED_BATCH, 0) == 0);
    CHECK(::sched_getscheduler(0) == SCHED_BATCH);
    CHECK(os::set_policy_of_thread(0, SCHED_BATCH, 5) == -1);
    CHECK(errno == EINVAL);
  }).join();
  CHECK(os::nice_of_thread(0) == before);
  auto const result = tandem_test::as_unprivileged([] {
    CHECK(os::set_nice_of_thread(0, -20) == -1);
    CHECK(errno == EACCES);
  });
  CHECK(result.passed());
}
