// SPDX-License-Identifier: BSL-1.0
#include "tandem/os/pidfd.hpp"

#include <fcntl.h>
#include <poll.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <functional>

#include "os/probes.hpp"
#include "support/build_kind.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/syscall_fault.hpp"
#include "tandem/os/descriptor.hpp"

namespace os = tandem::os;
using namespace tandem_test;
using kind = os::process_end::kind;
using os::wait_result;

namespace {

// A forked child and a descriptor of it; what the wrappers under test do not reap, the destructor does.
class target {
 public:
  explicit target(std::function<void()> const& body) : id_(::fork()) {
    REQUIRE(id_ >= 0);
    if (id_ == 0) {
      body();
      ::_exit(0);
    }
    pidfd = os::pidfd_open(id_);
    REQUIRE(pidfd >= 0);
  }
  target(target const&) = delete;
  ~target() {
    os::pidfd_signal(pidfd, SIGKILL);
    os::process_end end{};
    os::wait_process(pidfd, 0, end);
    os::close(pidfd);
  }

  pid_t id() const { return id_; }

  // Until it is a zombie.
  void wait_for_end() const {
    pollfd one{pidfd, POLLIN, 0};
    REQUIRE(::poll(&one, 1, -1) == 1);
  }

  int pidfd = -1;

 private:
  pid_t id_;
};

void sleep_for_ever() {
  for (;;) ::pause();
}

}  // namespace

TEST_CASE("pidfd: it is close-on-exec, and none is had of a process that is gone", "[os][pidfd]") {
  pid_t gone = 0;
  {
    target child{[] {}};
    CHECK(close_on_exec(child.pidfd));
    gone = child.id();
  }
  CHECK((os::pidfd_open(gone) == -1 && errno == ESRCH));
  CHECK((os::pidfd_open(-1) == -1 && errno == EINVAL));
}

TEST_CASE("pidfd: a missing system call and a full table are told", "[os][pidfd][fallback]") {
  CHECK(run_with_fault({{SYS_pidfd_open, ENOSYS}}, [] {
          CHECK((os::pidfd_open(::getpid()) == -1 && errno == ENOSYS));
        }).passed());
  CHECK(run_in_child([] {
          descriptor_limit const few{0};
          CHECK((os::pidfd_open(::getpid()) == -1 && errno == EMFILE));
        }).passed());
}

TEST_CASE("pidfd: an end is told by its kind and its number", "[os][pidfd]") {
  os::process_end end{};
  SECTION("exited") {
    int const code = GENERATE(0, 1, 77, 255);
    target child{[&] { ::_exit(code); }};
    CHECK(os::wait_process(child.pidfd, 0, end) == wait_result::ended);
    CHECK(end.how == kind::exited);
    CHECK(end.code == code);
  }
  SECTION("killed") {
    int const signal = GENERATE(SIGKILL, SIGTERM, SIGUSR1);
    target child{sleep_for_ever};
    CHECK(os::pidfd_signal(child.pidfd, signal) == 0);
    CHECK(os::wait_process(child.pidfd, 0, end) == wait_result::ended);
    CHECK(end.how == kind::killed);
    CHECK(end.code == signal);
  }
  SECTION("crashed, with or without a core") {
    target child{[] {
      ::signal(SIGABRT, SIG_DFL);
      std::abort();
    }};
    CHECK(os::wait_process(child.pidfd, 0, end) == wait_result::ended);
    CHECK(end.how != kind::exited);
    CHECK(end.code == SIGABRT);
  }
}

TEST_CASE("pidfd: who still runs is told without waiting, and who has ended can be looked at first", "[os][pidfd]") {
  os::process_end end{kind::exited, -7};
  target child{sleep_for_ever};
  CHECK(os::wait_process(child.pidfd, WNOHANG, end) == wait_result::still_running);
  CHECK(end.code == -7);
  os::pidfd_signal(child.pidfd, SIGKILL);
  CHECK(os::wait_process(child.pidfd, WNOWAIT, end) == wait_result::ended);
  CHECK(end.code == SIGKILL);
  end.code = -7;
  CHECK(os::wait_process(child.pidfd, WNOHANG, end) == wait_result::ended);
  CHECK(end.code == SIGKILL);
  CHECK(os::wait_process(child.pidfd, 0, end) == wait_result::not_ours);
}

TEST_CASE("pidfd: what is no child of ours is not waited for", "[os][pidfd]") {
  os::process_end end{};
  int const parent = os::pidfd_open(::getppid());
  REQUIRE(parent >= 0);
  CHECK(os::wait_process(parent, WNOHANG, end) == wait_result::not_ours);
  os::close(parent);
  CHECK(os::wait_process(-1, WNOHANG, end) == wait_result::not_ours);

  target child{sleep_for_ever};
  CHECK(run_in_child([&] {
          os::process_end sibling{};
          CHECK(os::wait_process(child.pidfd, 0, sibling) == wait_result::not_ours);
        }).passed());
}

TEST_CASE("pidfd: what the process used is told", "[os][pidfd]") {
  os::process_end end{};
  target child{[] {
    timespec used{};
    while (used.tv_sec == 0 && used.tv_nsec < 20'000'000) ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  }};
  rusage used{};
  CHECK(os::wait_process(child.pidfd, 0, end, &used) == wait_result::ended);
  CHECK(used.ru_utime.tv_sec * 1'000'000 + used.ru_utime.tv_usec + used.ru_stime.tv_sec * 1'000'000 +
            used.ru_stime.tv_usec >
        0);
  CHECK(used.ru_maxrss > 0);
}

TEST_CASE("pidfd: signals reach the living, pass by the dead, and are refused once those are reaped", "[os][pidfd]") {
  os::process_end end{};
  target child{sleep_for_ever};
  CHECK(os::pidfd_signal(child.pidfd, 0) == 0);
  CHECK(os::pidfd_signal(child.pidfd, SIGKILL) == 0);
  child.wait_for_end();
  CHECK(os::pidfd_signal(child.pidfd, SIGKILL) == 0);
  CHECK(os::wait_process(child.pidfd, 0, end) == wait_result::ended);
  CHECK((os::pidfd_signal(child.pidfd, SIGKILL) == -1 && errno == ESRCH));
  CHECK((os::pidfd_signal(-1, SIGKILL) == -1 && errno == EBADF));
}

TEST_CASE("pidfd: a wait goes on after a signal", "[os][pidfd]") {
  if (thread_sanitized) return;  // which runs no handler inside a system call that it does not know
  shared_object<interruptions> counted;
  shared_object<std::atomic<bool>> release;
  child_process waiter{[&] {
    target child{[&] {
      while (!release->load(std::memory_order_acquire)) ::sched_yield();
      ::_exit(7);
    }};
    count_signals(*counted);
    os::process_end end{};
    CHECK(os::wait_process(child.pidfd, 0, end) == wait_result::ended);
    CHECK(end.code == 7);
  }};
  interrupt(waiter, *counted);
  release->store(true, std::memory_order_release);
  CHECK(waiter.join().passed());
}

TEST_CASE("pidfd: a child without an exit signal is waited for too, and the host's wait does not see it",
          "[os][pidfd]") {
  auto const child = run_in_child([] {
    long const id = ::syscall(SYS_clone, 0, nullptr, nullptr, nullptr, nullptr);  // as fork, exit signal 0
    if (id == 0) { ::syscall(SYS_exit_group, 9); }
    REQUIRE(id > 0);
    int const pidfd = os::pidfd_open(static_cast<pid_t>(id));
    CHECK((::waitpid(-1, nullptr, 0) == -1 && errno == ECHILD));
    os::process_end end{};
    CHECK(os::wait_process(pidfd, 0, end) == wait_result::ended);
    CHECK(end.code == 9);
  });
  INFO(child.to_string());
  CHECK(child.passed());
}

TEST_CASE("pidfd: an end that somebody else has reaped is right or not told", "[os][pidfd]") {
  int const code = GENERATE(0, 3);
  int const signal = GENERATE(0, SIGKILL, SIGTERM);  // 0: it exits
  CAPTURE(code, signal);
  target child{[&] {
    if (signal != 0) ::kill(::getpid(), signal);
    ::_exit(code);
  }};
  child.wait_for_end();
  CHECK_FALSE(os::reaped_end(child.pidfd).has_value());  // not reaped yet
  CHECK(::waitpid(child.id(), nullptr, 0) == child.id());
  os::process_end end{};
  CHECK(os::wait_process(child.pidfd, 0, end) == wait_result::not_ours);
  auto const known = os::reaped_end(child.pidfd);
  if (known.has_value()) {  // Linux 6.15
    CHECK(known->how == (signal != 0 ? kind::killed : kind::exited));
    CHECK(known->code == (signal != 0 ? signal : code));
  }
}

TEST_CASE("pidfd: older kernels do not tell of a reaped end, nor do other descriptors", "[os][pidfd][fallback]") {
  target child{[] {}};
  CHECK(::waitpid(child.id(), nullptr, 0) == child.id());
  CHECK(run_with_fault({{SYS_ioctl, ENOTTY}}, [&] { CHECK_FALSE(os::reaped_end(child.pidfd).has_value()); }).passed());
  CHECK_FALSE(os::reaped_end(0).has_value());
  CHECK_FALSE(os::reaped_end(-1).has_value());
}

TEST_CASE("pidfd: a child is waited for by its number as well", "[os][pidfd]") {
  pid_t const child = ::fork();
  if (child == 0) ::_exit(6);
  os::process_end end{};
  CHECK(os::wait_child(child, WNOWAIT, end) == wait_result::ended);  // looked at, not reaped
  rusage used{};
  CHECK(os::wait_child(child, 0, end, &used) == wait_result::ended);
  CHECK(end.code == 6);
  CHECK(used.ru_maxrss > 0);
  CHECK(os::wait_child(child, WNOHANG, end) == wait_result::not_ours);
}
