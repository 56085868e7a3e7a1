// SPDX-License-Identifier: BSL-1.0
#include "tandem/crew/pool_options.hpp"

#include <string>

#include "support/catch.hpp"
#include "tandem/crew/pool.hpp"
#include "tandem/execution/this_unit.hpp"

using tandem::mode, tandem::pool;

TEST_CASE("pool_options: names and numbers of workers", "[crew][pool_options]") {
  pool<tandem::process> named({.name = "tiles", .workers = 1});
  CHECK(named.size() == 1);
  CHECK(named.submit([] { return tandem::this_unit::name(); }).get() == "tiles 0");
  pool<tandem::thread> plain({.workers = 1});
  CHECK(plain.submit([] { return tandem::this_unit::name(); }).get() == "pool 0");
}
