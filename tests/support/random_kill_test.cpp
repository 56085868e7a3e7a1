// SPDX-License-Identifier: BSL-1.0
#include "support/random_kill.hpp"

#include <atomic>
#include <vector>

#include "support/catch.hpp"
#include "support/place.hpp"

using namespace std::chrono_literals;
using tandem_test::place, tandem_test::random_kill;

TEST_CASE("random_kill: an atomic counter survives any death", "[support][random_kill]") {
  auto& count = place<std::atomic<long>>(0);
  auto const report = random_kill({.workers = 3,
                                   .kills = 100,
                                   .work =
                                       [&](int, std::uint64_t) {
                                         for (;;) count.fetch_add(1);
                                       },
                                   .check = [&](int) { return count.load() >= 0; },
                                   .finally = [&] { return count.load() > 0; }});
  INFO(report.to_string());
  CHECK(report.passed());
  CHECK(report.kills == 100);
}

TEST_CASE("random_kill: a lock that dies with its owner is found", "[support][random_kill]") {
  auto& lock = place<std::atomic<int>>(0);
  auto const report = random_kill({.workers = 2,
                                   .kills = 100,
                                   .pause = 100us,
                                   .work =
                                       [&](int, std::uint64_t) {
                                         for (;;) {
                                           while (lock.exchange(1) != 0) {}
                                           for (int i = 0; i < 1000; ++i) asm volatile("");
                                           lock = 0;
                                         }
                                       },
                                   .finally = [&] { return lock == 0 ? "" : "nobody will open this lock again"; }});
  CHECK_FALSE(report.passed());
  CHECK(report.complaint.find("nobody will open this lock again") != std::string::npos);
}

TEST_CASE("random_kill: the seed decides which workers die, and what they are given", "[support][random_kill]") {
  auto const victims = [](std::uint64_t seed) {
    std::vector<int> order;
    random_kill({.workers = 4,
                 .kills = 20,
                 .pause = 0us,
                 .seed = seed,
                 .work = [](int, std::uint64_t) {},
                 .check =
                     [&](int worker) {
                       order.push_back(worker);
                       return true;
                     }});
    return order;
  };
  CHECK(victims(1) == victims(1));
  CHECK(victims(1) != victims(2));
}

TEST_CASE("random_kill: without restart the storm ends with the last worker", "[support][random_kill]") {
  auto const report =
      random_kill({.workers = 3, .kills = 100, .pause = 0us, .restart = false, .work = [](int, std::uint64_t) {}});
  CHECK(report.kills + report.returned == 3);
}

TEST_CASE("random_kill: a worker that fails by itself is a failure", "[support][random_kill]") {
  auto const report =
      random_kill({.workers = 1, .kills = 4, .pause = 500ms, .work = [](int, std::uint64_t) { ::abort(); }});
  CHECK_FALSE(report.passed());
  CHECK(report.complaint.find("ended by itself") != std::string::npos);
}
