// SPDX-License-Identifier: BSL-1.0
#include "tandem/os/fork.hpp"

#include <sys/wait.h>

#include <atomic>
#include <cstdlib>
#include <string>
#include <thread>

#include "os/probes.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/process_tree.hpp"
#include "support/syscall_fault.hpp"
#include "tandem/os/process_table.hpp"

namespace os = tandem::os;
using namespace tandem_test;

namespace {

struct traces {
  std::atomic<bool> handler_ran;
  std::atomic<bool> last_ran;
  std::atomic<int> code;
};

traces* left = nullptr;

int exit_code_of(pid_t child) {
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace

TEST_CASE("fork: the child goes on with a copy, and its parent learns its number", "[os][fork]") {
  int value = 1;
  pid_t const child = os::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    value = 2;
    os::leave_process(value);
  }
  CHECK(exit_code_of(child) == 2);
  CHECK(value == 1);
}

TEST_CASE("fork: where no process can be made, it is -1 and errno", "[os][fork]") {
  // glibc forks by clone, or by clone3
  CHECK(run_with_fault({{SYS_clone, EAGAIN}, {SYS_clone3, EAGAIN}}, [] {
          CHECK((os::fork() == -1 && errno == EAGAIN));
        }).passed());
}

TEST_CASE("fork: a process that leaves runs no exit handlers", "[os][fork]") {
  shared_object<traces> shared;
  left = &*shared;
  auto const child = run_in_child([] {
    std::atexit([] { left->handler_ran = true; });
    os::leave_process(9);
  });
  CHECK(child.exit_code == 9);
  CHECK_FALSE(shared->handler_ran);
}

TEST_CASE("fork: the last of exit's handlers gets its code, and those of the parent do not run", "[os][fork]") {
  shared_object<traces> shared;
  left = &*shared;
  bool const from_a_thread = GENERATE(false, true);
  CAPTURE(from_a_thread);
  auto const parent = run_in_child([&] {
    std::atexit([] { left->handler_ran = true; });
    pid_t const child = os::fork();
    if (child == 0) {
      bool const set = os::end_exit_with([](int code, void*) {
        left->last_ran = true;
        left->code = code;
        os::leave_process(code + 1);
      });
      if (!set) os::leave_process(1);
      std::atexit([] { left->code = -1; });  // its own handlers run, before
      if (from_a_thread) std::thread{[] { std::exit(5); }}.join();
      std::exit(5);
    }
    CHECK(exit_code_of(child) == 6);
  });
  INFO(parent.to_string());
  CHECK(parent.passed());
  CHECK(shared->last_ran);
  CHECK(shared->code == 5);
  CHECK_FALSE(shared->handler_ran);
}

TEST_CASE("fork: a thread's name is cut after 15 bytes", "[os][fork]") {
  auto const name_after = [](char const* name) {
    std::string shown;
    std::thread{[&] {
      os::name_thread(name);
      shown = text_of("/proc/self/task/" + std::to_string(os::thread_id()) + "/comm");
    }}.join();
    return shown;
  };
  CHECK(name_after("parser") == "parser\n");
  CHECK(name_after("0123456789abcdefgh") == "0123456789abcde\n");
  CHECK(name_after("") == "\n");
}

TEST_CASE("fork: a process that adopts orphans is their parent", "[os][fork]") {
  CHECK(run_in_child([] {
          os::adopt_orphans();
          pid_t const self = ::getpid();
          if (::fork() == 0) {
            pid_t const between = ::getpid();
            if (::fork() != 0) ::_exit(0);
            while (::getppid() == between) std::this_thread::yield();
            ::_exit(::getppid() == self ? 5 : 6);
          }
          int codes = 0;
          for (int status = 0; ::wait(&status) > 0;) codes += WEXITSTATUS(status);
          CHECK(codes == 5);
        }).passed());
}

TEST_CASE("fork: what begins a quick_exit gets its code, after what was registered later", "[os][fork]") {
  auto const result = run_in_child([] {
    static int seen = 0;
    CHECK(os::begin_quick_exit_with([](void*, int code) { ::_exit(seen * 10 + code); }));
    std::at_quick_exit([] { seen = 1; });
    std::quick_exit(4);
  });
  CHECK(result.exit_code == 14);
}
