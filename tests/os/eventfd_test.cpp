// SPDX-License-Identifier: BSL-1.0
#include "tandem/os/eventfd.hpp"

#include "os/probes.hpp"
#include "support/catch.hpp"
#include "tandem/os/descriptor.hpp"

namespace os = tandem::os;
using namespace tandem_test;

TEST_CASE("eventfd: the counter adds up, and is taken whole", "[os][eventfd]") {
  int const counter = os::open_eventfd();
  REQUIRE(counter >= 0);
  CHECK(close_on_exec(counter));
  std::uint64_t count = 7;
  CHECK((os::eventfd_take(counter, count) == -1 && errno == EAGAIN));
  CHECK(count == 7);
  CHECK(os::eventfd_add(counter, 2) == 0);
  CHECK(os::eventfd_add(counter, 3) == 0);
  CHECK(os::eventfd_take(counter, count) == 0);
  CHECK(count == 5);
  CHECK((os::eventfd_take(counter, count) == -1 && errno == EAGAIN));
  os::close(counter);
}

TEST_CASE("eventfd: what does not fit is refused, and changes nothing", "[os][eventfd]") {
  int const counter = os::open_eventfd();
  CHECK(os::eventfd_add(counter, UINT64_MAX - 1) == 0);
  CHECK((os::eventfd_add(counter, 1) == -1 && errno == EAGAIN));
  CHECK((os::eventfd_add(counter, UINT64_MAX) == -1 && errno == EINVAL));
  std::uint64_t count = 0;
  CHECK(os::eventfd_take(counter, count) == 0);
  CHECK(count == UINT64_MAX - 1);
  os::close(counter);
  CHECK((os::eventfd_add(counter, 1) == -1 && errno == EBADF));
  CHECK((os::eventfd_take(counter, count) == -1 && errno == EBADF));
}

TEST_CASE("eventfd: no room for one is EMFILE", "[os][eventfd]") {
  auto const child = run_in_child([] {
    descriptor_limit const few{0};
    CHECK((os::open_eventfd() == -1 && errno == EMFILE));
  });
  CHECK(child.passed());
}
