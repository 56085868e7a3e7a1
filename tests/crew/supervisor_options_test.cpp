// SPDX-License-Identifier: BSL-1.0
#include "tandem/crew/supervisor_options.hpp"

#include <chrono>
#include <stdexcept>

#include "crew/supervisors.hpp"
#include "support/catch.hpp"
#include "tandem/core.hpp"
#include "tandem/crew/supervisor.hpp"

using namespace std::chrono_literals;
using namespace tandem_test;
using tandem::supervisor, tandem::supervisor_gave_up, tandem::supervisor_log;

TEST_CASE("supervisor_options: what they are by themselves, as in OTP", "[crew][supervisor_options]") {
  tandem::supervisor_options const plain;
  CHECK(plain.strategy == tandem::strategy::one_for_one);
  CHECK(plain.intensity == 1);
  CHECK(plain.period == 5s);
}

TEST_CASE("supervisor_options: a period that is none is refused", "[crew][supervisor_options][errors]") {
  for (auto const period : {0ns, -1ns})
    CHECK_THROWS_MATCHES(supervisor<tandem::thread>({.period = period}), std::invalid_argument,
                         Message("tandem: make a supervisor: period is not positive"));
}

TEST_CASE("supervisor_options: what has a name is called so", "[crew][supervisor_options]") {
  supervisor<tandem::thread> crew{{.name = "tiles", .intensity = 0}};
  crew.add({}, [] { throw std::domain_error("no"); });
  CHECK_THROWS_WITH(crew.run(), StartsWith("tandem: supervisor 'tiles' gave up: more than 0 restarts in 5000 ms"));
}

TEST_CASE("supervisor_options: failures count for a period", "[crew][supervisor_options]") {
  // Each failure is further than a period from the one before: none is the second one.
  supervisor_log log;
  supervisor<tandem::thread> crew{{.intensity = 1, .period = 1ns}};
  crew.on_event(log);
  crew.add({.name = "a"}, [] { throw std::domain_error("no"); });
  crew.start();
  CHECK(take(log, 21).back() == "a restarted");
  crew.stop();
  supervisor<tandem::thread> strict{{.intensity = 1, .period = 1h}};
  strict.add({.name = "a"}, [] { throw std::domain_error("no"); });
  CHECK_THROWS_AS(strict.run(), supervisor_gave_up);
  CHECK(strict.children()[0].restarts == 1);
}
