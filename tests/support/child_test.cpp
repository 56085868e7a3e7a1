// SPDX-License-Identifier: BSL-1.0
#include "support/child.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <stdexcept>

#include "support/catch.hpp"

using tandem_test::run_in_child;

TEST_CASE("child: a body that returns has passed", "[support][child]") {
  auto const end = run_in_child([] { CHECK(1 + 1 == 2); });
  CHECK(end.passed());
  CHECK(end.to_string() == "exit code 0");
}

TEST_CASE("child: an exception comes back as words", "[support][child]") {
  auto const end = run_in_child([] { throw std::runtime_error("no such luck"); });
  CHECK_FALSE(end.passed());
  CHECK(end.message == "no such luck");
}

TEST_CASE("child: codes and signals come back as they were", "[support][child]") {
  CHECK(run_in_child([] { ::_exit(7); }).exit_code == 7);
  auto const crash = run_in_child([] { ::raise(SIGSEGV); });
  CHECK(crash.signal == SIGSEGV);
  CHECK(crash.exit_code == -1);
}

TEST_CASE("child: what nobody joins is killed and reaped", "[support][child]") {
  pid_t id = 0;
  {
    tandem_test::child_process const child{[] {
      for (;;) ::pause();
    }};
    id = child.id();
  }
  CHECK(::waitpid(id, nullptr, WNOHANG) == -1);
}

TEST_CASE("child: an unprivileged body has no privilege", "[support][child]") {
  auto const end = tandem_test::as_unprivileged([] {
    CHECK(::geteuid() != 0);
    CHECK(::access("/proc/self/fd", R_OK | X_OK) == 0);
    CHECK(::setuid(0) == -1);
  });
  CHECK(end.passed());
}
