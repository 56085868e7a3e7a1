// SPDX-License-Identifier: BSL-1.0
#include "tandem/os/timer.hpp"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/syscall_fault.hpp"

using tandem_test::run_in_child, tandem_test::run_with_fault;

TEST_CASE("timer: the kernel kills a process whose time is up, whatever it blocks", "[os][timer]") {
  auto const result = run_in_child([] {
    sigset_t all;
    sigfillset(&all);
    ::sigprocmask(SIG_SETMASK, &all, nullptr);
    if (tandem::os::kill_self_after(5'000'000) != 0) ::_exit(1);
    for (;;) ::pause();
  });
  CHECK(result.signal == SIGKILL);
}

TEST_CASE("timer: without timers it says so", "[os][timer][fallback]") {
  auto const result = run_with_fault({{SYS_timer_create, EAGAIN}}, [] {
    CHECK(tandem::os::kill_self_after(1'000'000) == -1);
    CHECK(errno == EAGAIN);
  });
  INFO(result.to_string());
  CHECK(result.passed());
}
