// SPDX-License-Identifier: BSL-1.0
#include "tandem/sync/owner_died.hpp"

#include <type_traits>

#include "support/catch.hpp"
#include "support/error_of.hpp"

using namespace tandem_test;

static_assert(std::is_base_of_v<std::system_error, tandem::owner_died> &&
              std::is_nothrow_copy_constructible_v<tandem::owner_died>);

TEST_CASE("owner_died: is a system_error of EOWNERDEAD, in the words that it was given", "[sync][owner_died]") {
  CHECK(error_of([] { throw tandem::owner_died("tandem: lock it"); }) == EOWNERDEAD);
  tandem::owner_died const error("tandem: lock it");
  CHECK(error.code() == std::errc::owner_dead);
  CHECK_THAT(error.what(), StartsWith("tandem: lock it"));
}
