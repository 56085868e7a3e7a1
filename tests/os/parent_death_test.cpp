// SPDX-License-Identifier: BSL-1.0
#include "tandem/os/parent_death.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <thread>

#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/place.hpp"
#include "support/syscall_fault.hpp"

using namespace tandem;
using tandem_test::child_process, tandem_test::place, tandem_test::run_in_child, tandem_test::run_with_fault;

namespace {

void wait_for(std::atomic<int> const& value) {
  while (value == 0) std::this_thread::yield();
}

}  // namespace

TEST_CASE("parent_death: the last writer gone, the kernel kills who asked for it", "[os][parent_death]") {
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  auto& armed = place<std::atomic<int>>(0);
  child_process child([&] {
    ::close(ends[1]);
    if (os::die_at_hangup(ends[0]) < 0) ::_exit(1);
    armed = 1;
    for (;;) ::pause();
  });
  wait_for(armed);
  CHECK_FALSE(os::is_hung_up(ends[0]));
  ::close(ends[1]);
  CHECK(child.join().signal == SIGKILL);
  CHECK(os::is_hung_up(ends[0]));
  ::close(ends[0]);
}

TEST_CASE("parent_death: one that asks too late can see it", "[os][parent_death]") {
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  ::close(ends[1]);
  auto const result = run_in_child([&] {
    int const own = os::die_at_hangup(ends[0]);  // does not sleep for a writer
    REQUIRE(own >= 0);
    CHECK(os::is_hung_up(own));
  });
  CHECK(result.passed());
  ::close(ends[0]);
}

TEST_CASE("parent_death: without signals for descriptors it says so", "[os][parent_death][fallback]") {
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  auto const result = run_with_fault({{SYS_fcntl, EINVAL, {{.index = 1, .value = F_SETSIG}}}}, [&] {
    CHECK(os::die_at_hangup(ends[0]) == -1);
    CHECK(errno == EINVAL);
  });
  INFO(result.to_string());
  CHECK(result.passed());
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_CASE("parent_death: a thread that waits for it does as well", "[os][parent_death]") {
  auto& grandchild = place<std::atomic<int>>(0);
  int ends[2];  // end-of-file: it is gone
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  child_process parent([&] {
    pid_t const self = ::getpid();
    if (::fork() == 0) {
      if (os::die_with_process(self) != 0) ::_exit(1);
      grandchild = ::getpid();
      for (;;) ::pause();
    }
    for (;;) ::pause();
  });
  wait_for(grandchild);
  ::close(ends[1]);
  parent.kill();
  char nothing = 0;
  CHECK(::read(ends[0], &nothing, 1) == 0);
  ::close(ends[0]);
}

TEST_CASE("parent_death: of a process that is not there nobody can wait", "[os][parent_death]") {
  auto const result = run_in_child([] {
    pid_t const gone = ::fork();
    if (gone == 0) ::_exit(0);
    REQUIRE(::waitpid(gone, nullptr, 0) == gone);
    CHECK(os::die_with_process(gone) == ESRCH);
  });
  CHECK(result.passed());
}
