// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_TESTS_CREW_SCARCE_DESCRIPTORS_HPP
#define TANDEM_TESTS_CREW_SCARCE_DESCRIPTORS_HPP

#include <sys/resource.h>  // for getrlimit, setrlimit
#include <unistd.h>        // for close, dup

#include <cerrno>        // for EMFILE
#include <system_error>  // for system_error

#include "support/catch.hpp"

namespace tandem_test {

/// Calls `attempt` with no descriptor to spare, with one, with two, as long as it throws EMFILE; fails where it still
/// does so with `most`. How often it did. Only in a child of the test: the limit is the process's.
template <class F> int refusals_until_it_works(rlim_t most, F attempt) {
  int const open = ::dup(0);
  ::close(open);
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  for (rlim_t more = 0; more < most; ++more) {
    rlimit const few{static_cast<rlim_t>(open) + more, before.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &few) == 0);
    try {
      attempt();
      return static_cast<int>(more);
    } catch (std::system_error const& error) {
      REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);  // a sanitizer needs some to look at the error
      CHECK(error.code().value() == EMFILE);
    }
  }
  FAIL("it needs more than " << most << " descriptors");
  return 0;
}

}  // namespace tandem_test

#endif  // TANDEM_TESTS_CREW_SCARCE_DESCRIPTORS_HPP
