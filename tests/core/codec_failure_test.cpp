// SPDX-License-Identifier: BSL-1.0
#include "tandem/core/codec_failure.hpp"

#include <csignal>
#include <exception>
#include <stdexcept>
#include <string>

#include "core/round_trip.hpp"
#include "support/catch.hpp"
#include "tandem/core/codec_string.hpp"

using tandem::failure, tandem::outcome;
using tandem_test::refuses_other_lengths, tandem_test::round_trip;

TEST_CASE("codec: failures of all four kinds", "[core][codec]") {
  tandem::resource_usage usage;
  usage.peak_memory = 4096;
  for (auto const& sent :
       {failure::threw("a", std::make_exception_ptr(std::out_of_range{"far"}), usage), failure::exited("b", 3, usage),
        failure::signaled("c", SIGSEGV, true, usage, tandem::crash_report{SIGSEGV, 1, 8, {"main", "start"}}),
        failure::lost("d", "reaped", usage)}) {
    auto const arrived = round_trip(sent);
    CHECK(arrived == sent);
    CHECK(arrived.usage() == usage);
    CHECK(arrived.to_string() == sent.to_string());
    CHECK(refuses_other_lengths(sent));
  }
}

TEST_CASE("codec: a timeout stays one", "[core][codec]") {
  auto const sent = failure::timed_out("slow", std::chrono::seconds(2));
  auto const got = round_trip(sent);
  CHECK(got.timed_out());
  CHECK(got == sent);
}

TEST_CASE("codec: a failure brings its exception", "[core][codec]") {
  auto const arrived = round_trip(failure::threw("a", std::make_exception_ptr(std::out_of_range{"far"})));
  CHECK_THROWS_AS(arrived.rethrow(), std::out_of_range);
}

TEST_CASE("codec: outcomes, with a value or a failure", "[core][codec]") {
  outcome<std::string> const value{"text"}, failed{failure::exited("a", 1)};
  CHECK(round_trip(value) == value);
  CHECK(round_trip(failed) == failed);
  CHECK(refuses_other_lengths(value));
  outcome<void> const done, undone{failure::exited("a", 1)};
  CHECK(round_trip(done) == done);
  CHECK(round_trip(undone) == undone);
}
