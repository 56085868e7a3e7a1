// SPDX-License-Identifier: BSL-1.0
#include "tandem/execution/this_unit.hpp"

#include <unistd.h>

#include <chrono>
#include <thread>

#include "execution/kinds.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"

using namespace std::chrono_literals;
namespace this_unit = tandem::this_unit;

TEST_CASE("this_unit: the program's first thread is its process", "[execution][this_unit]") {
  auto const result = tandem_test::run_in_child([] {
    CHECK(this_unit::get_id() == tandem::unit_id{::getpid(), 0});
    CHECK(this_unit::mode() == tandem::mode::process);
    CHECK(this_unit::parent() == tandem::unit_id{});
    CHECK(this_unit::name().empty());
    CHECK_FALSE(this_unit::get_stop_token().stop_possible());
    CHECK_FALSE(this_unit::stop_requested());
  });
  CHECK(result.passed());
}

TEST_CASE("this_unit: threads that tandem has not started are known too", "[execution][this_unit]") {
  auto const main = this_unit::get_id();
  tandem::unit_id one, again, two;
  tandem::mode mode{};
  std::thread([&] {
    one = this_unit::get_id();
    again = this_unit::get_id();
    mode = this_unit::mode();
  }).join();
  std::thread([&] { two = this_unit::get_id(); }).join();
  CHECK(one == again);
  CHECK(one != main);
  CHECK(mode == tandem::mode::thread);
  CHECK(one.process == ::getpid());
  tandem::thread started{[] { return this_unit::get_id(); }};
  CHECK(started.join().value() != one);
}

TEST_CASE("this_unit: sleeps until the time has come where nobody can stop it", "[execution][this_unit]") {
  auto const before = std::chrono::steady_clock::now();
  CHECK(this_unit::sleep_for(3ms));
  CHECK(this_unit::sleep_until(before + 5ms));
  CHECK(std::chrono::steady_clock::now() >= before + 5ms);
  CHECK(this_unit::sleep_for(-1h));
  CHECK(this_unit::sleep_until(std::chrono::system_clock::now() - 1h));
}

TEMPLATE_TEST_CASE("this_unit: a stop request ends every sleep to come", "[execution][this_unit]",
                   tandem_test::threads_only, tandem_test::processes_only) {
  auto worker = TestType::start([] {
    bool const slept = this_unit::sleep_for(1h) || this_unit::sleep_for(1h);
    return !slept && this_unit::stop_requested() && this_unit::get_stop_token().stop_requested();
  });
  worker.request_stop();
  CHECK(worker.join().value());
}

TEST_CASE("this_unit: yield lets others run", "[execution][this_unit]") {
  std::atomic<bool> go{false};
  tandem::thread other{[&go] { go = true; }};
  while (!go) this_unit::yield();
  CHECK(other.join().has_value());
}
