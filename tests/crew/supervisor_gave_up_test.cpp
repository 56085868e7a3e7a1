// SPDX-License-Identifier: BSL-1.0
#include "tandem/crew/supervisor_gave_up.hpp"

#include <stdexcept>
#include <type_traits>

#include "support/catch.hpp"
#include "tandem/core.hpp"
#include "tandem/crew/supervisor.hpp"
#include "tandem/execution/process.hpp"

using tandem::supervisor_gave_up;

static_assert(std::is_nothrow_copy_constructible_v<supervisor_gave_up>);

TEST_CASE("supervisor_gave_up: has the failures of its period", "[crew][supervisor_gave_up]") {
  tandem::supervisor<tandem::thread> crew{{.intensity = 2}};
  crew.add({.name = "a"}, [] { throw std::domain_error("no"); });
  try {
    crew.run();
    FAIL("it did not give up");
  } catch (supervisor_gave_up const& error) {
    CHECK(std::string(error.what()) ==
          "tandem: supervisor 'supervisor' gave up: more than 2 restarts in 5000 ms; the last failure: 'a' threw "
          "std::domain_error: no");
    REQUIRE(error.failures().size() == 3);
    for (auto const& one : error.failures()) CHECK(one.type() == "std::domain_error");
  }
}

TEST_CASE("supervisor_gave_up: arrives from another process as itself", "[crew][supervisor_gave_up]") {
  tandem::register_exception<supervisor_gave_up>();
  tandem::process child([] {
    tandem::supervisor<tandem::process> crew{{.name = "inner", .intensity = 0}};
    crew.add({.name = "a"}, [] { throw std::domain_error("no"); });
    crew.run();
  });
  auto const ended = child.join();
  REQUIRE_FALSE(ended);
  CHECK(ended.error().type() == "tandem::supervisor_gave_up");
  try {
    ended.value();
  } catch (supervisor_gave_up const& error) {
    CHECK_THAT(error.what(), tandem_test::StartsWith("tandem: supervisor 'inner' gave up: more than 0 restarts"));
    CHECK(error.failures().empty());
  }
}
