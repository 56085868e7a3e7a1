// SPDX-License-Identifier: BSL-1.0
#include "tandem/os/process_table.hpp"

#include <sys/prctl.h>
#include <sys/wait.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <string>
#include <thread>

#include "os/probes.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"
#include "tandem/os/clock.hpp"

namespace os = tandem::os;
using namespace tandem_test;

namespace {

// Waits until the child has ended, and leaves it a zombie.
void wait_for_end(child_process const& child) {
  siginfo_t info{};
  REQUIRE(::waitid(P_PID, static_cast<id_t>(child.id()), &info, WEXITED | WNOWAIT) == 0);
}

std::int64_t tick_ns() { return 1'000'000'000 / ::sysconf(_SC_CLK_TCK); }

}  // namespace

TEST_CASE("process_table: the id of the main thread is the process's, that of another is not", "[os][process_table]") {
  CHECK(run_in_child([] { CHECK(os::thread_id() == ::getpid()); }).passed());
  pid_t other = 0;
  std::thread{[&] { other = os::thread_id(); }}.join();
  CHECK(other != os::thread_id());
}

TEST_CASE("process_table: the calling thread runs", "[os][process_table]") {
  auto const self = os::look_up_task(::getpid(), os::thread_id());
  CHECK(self.state == 'R');
  CHECK(self.running());
  CHECK(self.start_time > 0);
}

TEST_CASE("process_table: whatever a thread is called, its state and start time are read right",
          "[os][process_table]") {
  auto const plain = [] {
    auto task = os::look_up_task(::getpid(), os::thread_id());
    return task.start_time;
  };
  auto const name = GENERATE(as<std::string>{}, ") Z 1 2 3 (", "a b c", "(((", ")))", "", "x\ny", "15 characters..");
  CAPTURE(name);
  std::uint64_t before = 0;
  os::task_state named;
  std::thread{[&] {
    before = plain();
    ::prctl(PR_SET_NAME, name.c_str());
    named = os::look_up_task(::getpid(), os::thread_id());
  }}.join();
  CHECK(named.state == 'R');
  CHECK(named.start_time == before);
  CHECK(before > 0);
}

TEST_CASE("process_table: a thread that waits is running as far as we care, and so is a stopped one",
          "[os][process_table]") {
  shared_object<std::atomic<bool>> ready;
  child_process child{[&] {
    ready->store(true, std::memory_order_release);
    for (;;) ::pause();
  }};
  while (!ready->load(std::memory_order_acquire)) ::sched_yield();
  while (os::look_up_task(child.id(), child.id()).state != 'S') ::sched_yield();
  CHECK(os::look_up_task(child.id(), child.id()).running());
  ::kill(child.id(), SIGSTOP);
  siginfo_t info{};
  REQUIRE(::waitid(P_PID, static_cast<id_t>(child.id()), &info, WSTOPPED | WNOWAIT) == 0);
  CHECK(os::look_up_task(child.id(), child.id()).state == 'T');
  CHECK(os::look_up_task(child.id(), child.id()).running());
}

TEST_CASE("process_table: a zombie does not run, and one that is gone is nothing", "[os][process_table]") {
  child_process child{[] {}};
  pid_t const id = child.id();
  wait_for_end(child);
  auto const zombie = os::look_up_task(id, id);
  CHECK(zombie.state == 'Z');
  CHECK_FALSE(zombie.running());
  CHECK(zombie.start_time > 0);
  child.join();
  auto const gone = os::look_up_task(id, id);
  CHECK(gone.state == 0);
  CHECK_FALSE(gone.running());
  CHECK(gone.start_time == 0);
}

TEST_CASE("process_table: a thread that has ended is nothing", "[os][process_table]") {
  pid_t id = 0;
  std::thread{[&] { id = os::thread_id(); }}.join();
  while (os::look_up_task(::getpid(), id).state != 0)
    std::this_thread::yield();  // the join may return a moment earlier
  CHECK_FALSE(os::look_up_task(::getpid(), id).running());
}

TEST_CASE("process_table: a thread of another process is nothing", "[os][process_table]") {
  CHECK(os::look_up_task(::getpid(), ::getppid()).state == 0);
}

TEST_CASE("process_table: no room for a descriptor looks like no such thread", "[os][process_table]") {
  CHECK(run_in_child([] {
          descriptor_limit const few{0};
          CHECK(os::look_up_task(::getpid(), ::getpid()).state == 0);
        }).passed());
}

TEST_CASE("process_table: started_after tells a number's second owner", "[os][process_table]") {
  auto const before = os::boot_time_ns();
  child_process child{[] {}};
  auto const after = os::boot_time_ns();
  wait_for_end(child);
  auto const task = os::look_up_task(child.id(), child.id());
  CHECK(os::started_after(task, 0));
  CHECK(os::started_after(task, before - 3 * tick_ns()));
  CHECK_FALSE(os::started_after(task, after));
  CHECK_FALSE(os::started_after(os::task_state{}, 0));
}

TEST_CASE("process_table: tells who a process's parent is, and which processes there are", "[os][process_table]") {
  child_process child([] { ::pause(); });
  CHECK(os::look_up_task(child.id(), child.id()).parent == ::getpid());
  bool self = false, found = false;
  REQUIRE(os::for_each_number("/proc", [&](pid_t pid) {
            self |= pid == ::getpid();
            found |= pid == child.id();
          }) == 0);
  CHECK((self && found));
  child.kill();
  CHECK(os::for_each_number("/proc/no such folder", [](pid_t) {}) == -1);
  CHECK(errno == ENOENT);
}

TEST_CASE("process_table: a stopped process is at rest, with all its threads, and one that runs is not",
          "[os][process_table]") {
  child_process child([] {
    std::thread other([] {
      for (;;) std::this_thread::yield();
    });
    for (;;) ::pause();
  });
  CHECK_FALSE(os::is_at_rest(child.id()));
  ::kill(child.id(), SIGSTOP);
  siginfo_t info{};
  REQUIRE(::waitid(P_PID, static_cast<id_t>(child.id()), &info, WSTOPPED) == 0);
  CHECK(os::is_at_rest(child.id()));
  ::kill(child.id(), SIGKILL);
  wait_for_end(child);
  CHECK(os::is_at_rest(child.id()));
}
