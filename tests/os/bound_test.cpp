// SPDX-License-Identifier: BSL-1.0
#include "tandem/os/bound.hpp"

#include <unistd.h>

#include <cstdlib>

#include "support/catch.hpp"
#include "support/child.hpp"

namespace os = tandem::os;

TEST_CASE("bound: a function called by its address is the one called by its name", "[os][bound]") {
  CHECK(os::bound(&::getpid)() == ::getpid());
  CHECK(os::bound(&::labs)(-3) == 3);
  CHECK(tandem_test::run_in_child([] { CHECK(os::bound(&::getpid)() == ::getpid()); }).passed());
}
