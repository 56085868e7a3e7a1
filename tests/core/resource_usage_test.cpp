// SPDX-License-Identifier: BSL-1.0
#include "tandem/core/resource_usage.hpp"

#include <sys/resource.h>

#include <chrono>

#include "core/round_trip.hpp"
#include "support/catch.hpp"
#include "tandem/core/codec_optional.hpp"

using tandem::resource_usage;
using namespace std::chrono_literals;

namespace {

rusage some_usage() {
  rusage used{};
  used.ru_utime = {2, 500'000};
  used.ru_stime = {0, 7};
  used.ru_maxrss = 3;
  used.ru_minflt = 4;
  used.ru_majflt = 5;
  used.ru_nvcsw = 6;
  used.ru_nivcsw = 7;
  return used;
}

}  // namespace

TEST_CASE("resource_usage: of nothing, knows nothing", "[core][resource_usage]") {
  resource_usage const usage;
  CHECK_FALSE(usage.wall.has_value());
  CHECK_FALSE(usage.bytes_written.has_value());
  CHECK(usage == resource_usage{});
}

TEST_CASE("resource_usage: of a process, has what the kernel's record has", "[core][resource_usage]") {
  auto const usage = resource_usage::of_process(some_usage());
  CHECK(usage.user == 2500ms);
  CHECK(usage.system == 7us);
  CHECK(usage.peak_memory == 3 * 1024U);
  CHECK(usage.minor_faults == 4U);
  CHECK(usage.major_faults == 5U);
  CHECK(usage.voluntary_switches == 6U);
  CHECK(usage.involuntary_switches == 7U);
  CHECK_FALSE(usage.wall.has_value());
  CHECK_FALSE(usage.private_memory.has_value());
}

TEST_CASE("resource_usage: of a thread, does not claim its process's memory", "[core][resource_usage]") {
  auto const usage = resource_usage::of_thread(some_usage());
  CHECK(usage.user == 2500ms);
  CHECK_FALSE(usage.peak_memory.has_value());
}

TEST_CASE("resource_usage: travels", "[core][resource_usage]") {
  auto usage = resource_usage::of_process(some_usage());
  usage.wall = 3s;
  CHECK(tandem_test::round_trip(usage) == usage);
}
