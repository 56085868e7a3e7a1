// SPDX-License-Identifier: BSL-1.0
#include "tandem/crew/supervisor_log.hpp"

#include <sys/resource.h>

#include <cerrno>
#include <chrono>
#include <string>
#include <thread>

#include "support/build_kind.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/error_of.hpp"
#include "tandem/sync/wait.hpp"

using namespace std::chrono_literals;
using tandem::supervisor_event, tandem::supervisor_log;

TEST_CASE("supervisor_log: gives each event once, in order", "[crew][supervisor_log]") {
  supervisor_log const log;
  CHECK_FALSE(log.try_next());
  CHECK_FALSE(log.next_for(1ms));
  auto const same = log;
  for (auto const* name : {"a", "b", "c"}) same({.child = name});
  CHECK(log.next()->child == "a");
  CHECK(log.try_next()->child == "b");
  CHECK(log.next_for(1h)->child == "c");
  CHECK_FALSE(log.try_next());
}

TEST_CASE("supervisor_log: is readable while there is one", "[crew][supervisor_log]") {
  supervisor_log log;
  CHECK_FALSE(tandem::wait_any(0ms, log));
  log({.child = "a"});
  log({.child = "b"});
  CHECK(tandem::wait_any(log) == 0);
  CHECK(log.next()->child == "a");
  CHECK(tandem::wait_any(log) == 0);
  CHECK(log.next()->child == "b");
  CHECK_FALSE(tandem::wait_any(0ms, log));
}

TEST_CASE("supervisor_log: wakes who waits", "[crew][supervisor_log]") {
  supervisor_log const log;
  std::string got;
  {
    std::jthread const reader([&] { got = log.next()->child; });
    log({.child = "a"});
  }
  CHECK(got == "a");
}

TEST_CASE("supervisor_log: no descriptor is left", "[crew][supervisor_log][errors]") {
  if (tandem_test::address_sanitized) return;  // with it comes UBSan, which needs a pipe to look at an exception
  auto const end = tandem_test::run_in_child([] {
    rlimit const none{0, 0};
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
    CHECK(tandem_test::error_of([] { supervisor_log const log; }) == EMFILE);
  });
  INFO(end.to_string());
  CHECK(end.passed());
}
