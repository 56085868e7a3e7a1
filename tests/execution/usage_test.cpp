// SPDX-License-Identifier: BSL-1.0
// What units have used: the living and the ended, in both modes, and of oneself.
#include "tandem/core/resource_usage.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "execution/kinds.hpp"
#include "execution/starts.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/error_of.hpp"
#include "tandem/core/codec_chrono.hpp"
#include "tandem/core/codec_optional.hpp"
#include "tandem/core/codec_tuple.hpp"
#include "tandem/execution/this_unit.hpp"
#include "tandem/execution/unit.hpp"
#include "tandem/os/poll.hpp"
#include "tandem/resource/pipe.hpp"

using namespace std::chrono_literals;
using tandem::fd, tandem::resource_usage;
using tandem_test::processes_only, tandem_test::threads_only;

namespace {

/// Uses the CPU for `time` by the thread's own clock.
void compute(std::chrono::nanoseconds time) {
  auto const now = [] {
    timespec clock{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &clock);
    return std::chrono::seconds(clock.tv_sec) + std::chrono::nanoseconds(clock.tv_nsec);
  };
  for (auto const end = now() + time; now() < end;) {}
}

auto cpu_time(resource_usage const& usage) { return usage.user.value() + usage.system.value(); }

void wait_for_byte(fd const& from) {
  char byte;
  REQUIRE(from.read(std::span(&byte, 1)) == 1);
}

/// Computes, writes, says so, and stays.
void use_and_stay(tandem::stop_token stop, fd const& there) {
  compute(30ms);
  fd::open("/dev/null", O_WRONLY).write(std::string(100'000, 'x'));
  there.write("!");
  stop.wait();
}

}  // namespace

TEMPLATE_TEST_CASE("usage: of a living unit is known, and grows", "[execution][usage]", threads_only, processes_only) {
  tandem::pipe there;
  auto unit = TestType::start(use_and_stay, std::move(there.write_end));
  wait_for_byte(there.read_end);
  auto const used = unit.usage();
  CHECK(cpu_time(used) >= 30ms);
  CHECK(used.wall.value() >= 30ms);
  CHECK(used.minor_faults.has_value());
  CHECK(used.major_faults.has_value());
  CHECK(used.voluntary_switches.has_value());
  CHECK(used.involuntary_switches.has_value());
  CHECK(used.bytes_written.value() >= 100'001);
  CHECK(used.bytes_read.has_value());
  bool const process = TestType::mode == tandem::mode::process;
  CHECK(used.peak_memory.has_value() == process);
  CHECK(used.private_memory.has_value() == process);
  CHECK(used.shared_memory.has_value() == process);
  if (process) CHECK(used.peak_memory.value() >= used.private_memory.value());
  auto const later = unit.usage();
  CHECK(later.wall.value() > used.wall.value());
  CHECK(cpu_time(later) >= cpu_time(used));
}

TEMPLATE_TEST_CASE("usage: of an ended unit is final, until its outcome is taken", "[execution][usage]", threads_only,
                   processes_only) {
  auto unit = TestType::start([] { compute(20ms); });
  while (!unit.get_outcome().has_value()) {}
  if constexpr (TestType::mode == tandem::mode::process) tandem::os::wait_ready(unit.native_handle(), POLLIN);
  auto const used = unit.usage();
  CHECK(cpu_time(used) >= 19ms);  // by another clock
  CHECK(used.wall.value() >= 19ms);
  CHECK(used.minor_faults.has_value());
  CHECK(used.voluntary_switches.has_value());
  CHECK(used.peak_memory.has_value() == (TestType::mode == tandem::mode::process));
  CHECK_FALSE(used.private_memory.has_value());
  CHECK(unit.usage() == used);
  CHECK(unit.join().has_value());
  CHECK(tandem_test::error_of([&] { static_cast<void>(unit.usage()); }) == EINVAL);
}

TEMPLATE_TEST_CASE("usage: a failure knows what its unit had used", "[execution][usage]", threads_only,
                   processes_only) {
  auto const result = TestType::start([] {
                        compute(20ms);
                        throw std::runtime_error("at last");
                      }).join();
  REQUIRE_FALSE(result.has_value());
  auto const used = result.error().usage();
  CHECK(cpu_time(used) >= 19ms);
  CHECK(used.wall.value() >= 19ms);
  CHECK(used.minor_faults.has_value());
  CHECK(used.peak_memory.has_value() == (TestType::mode == tandem::mode::process));
}

TEST_CASE("usage: a killed process's is that up to its death", "[execution][usage]") {
  tandem::pipe there;
  tandem::process unit{use_and_stay, std::move(there.write_end)};
  wait_for_byte(there.read_end);
  unit.kill(SIGKILL);
  CHECK(cpu_time(unit.join().error().usage()) >= 29ms);
}

TEST_CASE("usage: of a process however it was started, with all its threads", "[execution][usage]") {
  TANDEM_TEST_EACH_START(by);
  tandem::pipe there;
  tandem::process unit{{.start = by},
                       [](tandem::stop_token stop, fd const& to) {
                         std::thread([] { compute(20ms); }).join();
                         std::thread other(use_and_stay, stop, std::cref(to));
                         other.join();
                       },
                       std::move(there.write_end)};
  wait_for_byte(there.read_end);
  auto const used = unit.usage();
  CHECK(cpu_time(used) >= 49ms);
  CHECK(used.peak_memory.value() > 0);
}

TEST_CASE("usage: a unit of either kind tells by its handle", "[execution][usage]") {
  auto const mode = GENERATE(tandem::mode::thread, tandem::mode::process);
  tandem::pipe there;
  tandem::unit unit{mode, use_and_stay, std::move(there.write_end)};
  wait_for_byte(there.read_end);
  CHECK(cpu_time(unit.usage()) >= 30ms);
  CHECK(tandem_test::error_of([] { tandem::unit<void>().usage(); }) == EINVAL);
  CHECK(tandem_test::error_of([] { tandem::process<void>().usage(); }) == EINVAL);
  CHECK(tandem_test::error_of([] { static_cast<void>(tandem::thread<void>().usage()); }) == EINVAL);
}

TEMPLATE_TEST_CASE("usage: a unit knows its own", "[execution][usage][this_unit]", threads_only, processes_only) {
  auto unit = TestType::start([] {
    auto const before = tandem::this_unit::usage();
    compute(20ms);
    fd::open("/dev/null", O_WRONLY).write(std::string(1000, 'x'));
    auto const after = tandem::this_unit::usage();
    return std::pair(before, after);
  });
  auto const [before, after] = unit.join().value();
  CHECK(cpu_time(after) - cpu_time(before) >= 19ms);
  CHECK(after.wall.value() - before.wall.value() >= 19ms);
  CHECK(after.bytes_written.value() - before.bytes_written.value() == 1000);
  CHECK(after.minor_faults.value() >= before.minor_faults.value());
  CHECK(after.peak_memory.has_value() == (TestType::mode == tandem::mode::process));
  CHECK(after.private_memory.has_value() == (TestType::mode == tandem::mode::process));
}

TEST_CASE("usage: threads and programs that tandem has not started know theirs too", "[execution][usage][this_unit]") {
  auto const process = tandem_test::run_in_child([] {
    compute(20ms);
    auto const used = tandem::this_unit::usage();
    CHECK(cpu_time(used) >= 19ms);
    CHECK(used.wall.value() >= 0ns);
    CHECK(used.private_memory.has_value());
  });
  CHECK(process.passed());
  resource_usage used;
  std::thread([&used] {
    compute(20ms);
    used = tandem::this_unit::usage();
  }).join();
  CHECK(cpu_time(used) >= 19ms);
  CHECK(used.wall.value() >= 0ns);
  CHECK_FALSE(used.peak_memory.has_value());
}

TEST_CASE("usage: a process that hides is known by what the kernel still tells", "[execution][usage]") {
  auto const result = tandem_test::as_unprivileged([] {
    tandem::pipe there;
    tandem::process unit{[](tandem::stop_token stop, fd const& to) {
                           ::prctl(PR_SET_DUMPABLE, 0);
                           to.write("!");
                           stop.wait();
                         },
                         std::move(there.write_end)};
    wait_for_byte(there.read_end);
    auto const used = unit.usage();
    CHECK(used.minor_faults.has_value());
    CHECK(used.user.has_value());
    CHECK_FALSE(used.private_memory.has_value());
    CHECK_FALSE(used.bytes_read.has_value());
  });
  INFO(result.to_string());
  CHECK(result.passed());
}
