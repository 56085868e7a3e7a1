// SPDX-License-Identifier: BSL-1.0
#include "tandem/execution/cpu_set.hpp"

#include <sched.h>

#include <iterator>
#include <stdexcept>
#include <type_traits>
#include <vector>

#include "core/round_trip.hpp"
#include "execution/kinds.hpp"
#include "support/catch.hpp"

using tandem::cpu_set, tandem_test::ContainsSubstring;

TEST_CASE("cpu_set: is a set of numbers", "[execution][cpu_set]") {
  cpu_set set{5, 0, 5, 63, 64};
  CHECK(set.size() == 4);
  CHECK_FALSE(set.empty());
  CHECK(set.contains(64));
  CHECK_FALSE(set.contains(1));
  CHECK_FALSE(set.contains(4000));
  CHECK(set.insert(1));
  CHECK_FALSE(set.insert(1));
  CHECK(set.erase(64));
  CHECK_FALSE(set.erase(64));
  CHECK(set == cpu_set{0, 1, 5, 63});
  CHECK(set.to_string() == "{0, 1, 5, 63}");
  set.clear();
  CHECK(set.empty());
  CHECK(set == cpu_set());
  CHECK(set.to_string() == "{}");
}

TEST_CASE("cpu_set: is walked in ascending order", "[execution][cpu_set]") {
  static_assert(std::forward_iterator<cpu_set::iterator>);
  cpu_set const set{130, 2, 64, 63, 127, 128};
  CHECK(std::vector<unsigned>(set.begin(), set.end()) == std::vector<unsigned>{2, 63, 64, 127, 128, 130});
  cpu_set const none;
  CHECK(none.begin() == none.end());
}

TEST_CASE("cpu_set: equal sets are equal, however they came to be", "[execution][cpu_set]") {
  cpu_set large{3, 100'000};
  CHECK(large.erase(100'000));
  CHECK(large == cpu_set{3});
  CHECK(large.mask().size() == 1);
  CHECK(large.mask()[0] == 8);
}

TEST_CASE("cpu_set: takes more than 1024 CPUs, and refuses what no machine has", "[execution][cpu_set]") {
  cpu_set set{1024, 8191, cpu_set::most};
  CHECK(set.size() == 3);
  CHECK(set.contains(8191));
  try {
    set.insert(cpu_set::most + 1);
    FAIL("no exception");
  } catch (std::invalid_argument const& error) { CHECK_THAT(error.what(), ContainsSubstring("CPU 1048576")); }
  CHECK(set.size() == 3);
}

TEST_CASE("cpu_set: available are those that the calling thread may use", "[execution][cpu_set]") {
  auto const all = cpu_set::available();
  REQUIRE_FALSE(all.empty());
  cpu_set_t system;
  REQUIRE(::sched_getaffinity(0, sizeof system, &system) == 0);
  CHECK(all.size() == static_cast<std::size_t>(CPU_COUNT(&system)));
  for (unsigned const cpu : all) CHECK(CPU_ISSET(cpu, &system));
}

TEST_CASE("cpu_set: travels", "[execution][cpu_set]") {
  for (auto const& set : {cpu_set{}, cpu_set{0}, cpu_set{7, 4095}}) {
    CHECK(tandem_test::round_trip(set) == set);
    tandem::process echo{[](cpu_set const& given) { return given; }, set};
    CHECK(echo.join().value() == set);
  }
}

TEMPLATE_TEST_CASE("cpu_set: a unit runs on the CPUs that it is given", "[execution][cpu_set][options]",
                   tandem_test::threads_only, tandem_test::processes_only) {
  for (unsigned const cpu : cpu_set::available()) {
    auto unit = TestType::start({.cpus = {cpu}}, [] { return cpu_set::available(); });
    CHECK(unit.join().value() == cpu_set{cpu});
  }
  auto const before = cpu_set::available();
  CHECK(TestType::start([] { return cpu_set::available(); }).join().value() == before);
}

TEMPLATE_TEST_CASE("cpu_set: a CPU that is not there is an error of the starter", "[execution][cpu_set][options]",
                   tandem_test::threads_only, tandem_test::processes_only) {
  auto const there = *cpu_set::available().begin();
  for (auto const& set : {cpu_set{8190}, cpu_set{there, 8190}}) {  // the kernel would take the second in silence
    try {
      auto unit = TestType::start({.name = "placed", .cpus = set}, [] { FAIL("it ran"); });
      FAIL("no exception");
    } catch (std::system_error const& error) {
      CHECK(error.code() == std::errc::invalid_argument);
      CHECK_THAT(error.what(), ContainsSubstring("placed") && ContainsSubstring("options.cpus") &&
                                   ContainsSubstring("CPU 8190") && ContainsSubstring("cpu_set::available()"));
    }
  }
}
