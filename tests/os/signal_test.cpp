// SPDX-License-Identifier: BSL-1.0
#include "tandem/os/signal.hpp"

#include <cerrno>
#include <thread>

#include "support/catch.hpp"
#include "support/child.hpp"

namespace os = tandem::os;
using tandem_test::run_in_child;

TEST_CASE("signal: a disposition is set, told, and refused where it cannot be", "[os][signal]") {
  auto const result = run_in_child([] {
    static volatile int caught = 0;
    struct sigaction now {};
    REQUIRE(os::get_disposition(SIGUSR1, now) == 0);
    CHECK(now.sa_handler == SIG_DFL);
    CHECK(os::set_disposition(SIGUSR1, os::disposition_of([](int number) { caught = number; }, SA_RESTART)) == 0);
    os::signal_self(SIGUSR1);
    CHECK(caught == SIGUSR1);
    REQUIRE(os::get_disposition(SIGUSR1, now) == 0);
    CHECK((now.sa_flags & SA_RESTART) != 0);
    errno = 0;
    CHECK(os::set_disposition(SIGKILL, os::disposition_of(SIG_IGN)) == -1);
    CHECK(errno == EINVAL);
    errno = 0;
    CHECK(os::get_disposition(-1, now) == -1);
    CHECK(errno == EINVAL);
  });
  INFO(result.to_string());
  CHECK(result.passed());
}

TEST_CASE("signal: none reaches a thread while they are blocked, nor one started meanwhile", "[os][signal]") {
  auto const result = run_in_child([] {
    static volatile int caught = 0;
    os::set_disposition(SIGUSR1, os::disposition_of([](int number) { caught = number; }));
    {
      os::signals_blocked const none;
      std::thread([] {
        os::signal_self(SIGUSR1);
        CHECK(caught == 0);
      }).join();
      CHECK(caught == 0);
    }
    CHECK(caught == SIGUSR1);
  });
  INFO(result.to_string());
  CHECK(result.passed());
}
