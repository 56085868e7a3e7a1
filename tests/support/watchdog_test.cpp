// SPDX-License-Identifier: BSL-1.0
#include "support/watchdog.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <iterator>

#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/process_tree.hpp"
#include "support/temp_dir.hpp"

using namespace std::chrono_literals;
using tandem_test::ContainsSubstring, tandem_test::supervise;

namespace {

struct supervised {
  int code;
  std::string said;
};

// Supervises `program` in a child of ours, with what is said on stderr kept. No gdb: it would take seconds.
supervised watch(std::function<int()> program) {
  tandem_test::temp_dir const folder;
  auto const file = folder / "stderr";
  auto const end = tandem_test::run_in_child([&] {
    int const out = ::open(file.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    ::dup2(out, STDERR_FILENO);
    ::setenv("PATH", "/nowhere", 1);
    ::unsetenv("TANDEM_TEST_WATCHDOG");
    ::_exit(supervise(program));
  });
  std::ifstream text{file};
  return {end.exit_code, std::string(std::istreambuf_iterator<char>(text), {})};
}

}  // namespace

TEST_CASE("watchdog: the result of the program is passed on", "[support][watchdog]") {
  CHECK(watch([] { return 0; }).code == 0);
  CHECK(watch([] { return 5; }).code == 5);
}

TEST_CASE("watchdog: a test that hangs is named, its threads are shown, and all it started is killed",
          "[support][watchdog]") {
  auto const end = watch([] {
    tandem_test::watchdog::begin("room: a test that hangs", 50ms);
    if (::fork() == 0) {
      ::prctl(PR_SET_NAME, "its-child");
      for (;;) ::pause();
    }
    ::prctl(PR_SET_NAME, "hanging");
    for (;;) ::pause();
    return 0;
  });
  CHECK(end.code == tandem_test::watchdog_expired);
  CHECK_THAT(end.said, ContainsSubstring("the deadline of this test has passed: room: a test that hangs"));
  CHECK_THAT(end.said, ContainsSubstring("hanging") && ContainsSubstring("its-child"));
  CHECK(tandem_test::children_of(::getpid()).empty());
}

TEST_CASE("watchdog: a test may ask for more time", "[support][watchdog]") {
  auto const end = watch([] {
    tandem_test::watchdog::begin("room: a long test", 50ms);
    tandem_test::watchdog::allow(1h);
    ::usleep(200'000);  // past the first deadline, and past the watcher's next look
    return 3;
  });
  CHECK(end.code == 3);
}

TEST_CASE("watchdog: a crash is told with the name of the test", "[support][watchdog]") {
  auto const end = watch([] {
    tandem_test::watchdog::begin("room: a test that crashes");
    ::signal(SIGABRT, SIG_DFL);
    ::raise(SIGABRT);
    return 0;
  });
  CHECK(end.code == 128 + SIGABRT);
  CHECK_THAT(end.said, ContainsSubstring("room: a test that crashes"));
}

TEST_CASE("watchdog: whoever outlives the tests is named and killed", "[support][watchdog]") {
  auto const end = watch([] {
    if (::fork() == 0) {
      ::prctl(PR_SET_NAME, "survivor");
      for (;;) ::pause();
    }
    ::usleep(20'000);
    return 0;
  });
  CHECK(end.code == 1);
  CHECK_THAT(end.said, ContainsSubstring("outlived the tests") && ContainsSubstring("survivor"));
}
