// SPDX-License-Identifier: BSL-1.0
#include "tandem/os/exec.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "support/build_kind.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"

using namespace tandem;

namespace {

/// Runs `program` with two arguments, and returns what waitpid says; -1 and errno where it could not be run.
int run(int program, std::string first, std::string second, std::span<int const> kept = {}) {
  char name[] = "program", line[] = "L=00000000", pid[] = "P=00000000";
  char* arguments[] = {name, first.data(), second.data(), nullptr};
  char* environment[] = {line, pid, nullptr};
  pid_t const child = os::run_program({program, arguments, environment, kept, -1, line + 2, pid + 2});
  if (child < 0) return -1;
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return status;
}

int run_shell(int program, char const* script, std::span<int const> kept = {}) {
  return run(program, "-c", script, kept);
}

int open_shell() { return ::open("/bin/sh", O_PATH | O_CLOEXEC); }

}  // namespace

TEST_CASE("exec: a number is written in hexadecimal, with all its digits", "[os][exec]") {
  char text[9] = {};
  os::write_hex(text, 8, 0x12abU);
  CHECK(std::strcmp(text, "000012ab") == 0);
  os::write_hex(text, 8, ~0U);
  CHECK(std::strcmp(text, "ffffffff") == 0);
}

TEST_CASE("exec: a program runs by its descriptor, and knows its number", "[os][exec]") {
  int const shell = open_shell();
  REQUIRE(shell >= 0);
  CHECK(WEXITSTATUS(run_shell(shell, "exit 3")) == 3);
  CHECK(WEXITSTATUS(run_shell(shell, "test $((0x$P)) = $$ && test $L = ffffffff && exit 4")) == 4);
  ::close(shell);
}

TEST_CASE("exec: the descriptors named stay open, the others that are close-on-exec do not", "[os][exec]") {
  int const shell = open_shell();
  int const kept = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  int const other = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  std::string const script = "test -e /proc/self/fd/" + std::to_string(kept) + " && test ! -e /proc/self/fd/" +
                             std::to_string(other) + " && exit 5";
  int const numbers[] = {kept};
  CHECK(WEXITSTATUS(run_shell(shell, script.c_str(), numbers)) == 5);
  CHECK((::fcntl(kept, F_GETFD) & FD_CLOEXEC) != 0);  // here it is as it was
  for (int const one : {shell, kept, other}) ::close(one);
}

TEST_CASE("exec: what cannot be run is told, and leaves no child", "[os][exec]") {
  if (tandem_test::thread_sanitized) {
    WARN("SKIP(vfork): ThreadSanitizer makes a fork of it, whose child can tell nothing");
    return;
  }
  int const folder = ::open("/", O_PATH | O_CLOEXEC);
  CHECK(run_shell(folder, "") == -1);
  CHECK(errno == EACCES);
  CHECK(::waitpid(-1, nullptr, WNOHANG) == -1);
  ::close(folder);
}

TEST_CASE("exec: the caller's signal mask is the program's, and stays the caller's", "[os][exec]") {
  sigset_t before, blocked, after;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR1);
  ::sigprocmask(SIG_BLOCK, &blocked, &before);
  int const grep = ::open("/bin/grep", O_PATH | O_CLOEXEC);
  // SIGUSR1 is bit 9 of the mask: 0x200. A shell would clear the mask.
  CHECK(WEXITSTATUS(run(grep, "^SigBlk:.*[2367abef]..$", "/proc/self/status")) == 0);
  ::sigprocmask(SIG_SETMASK, nullptr, &after);
  CHECK(sigismember(&after, SIGUSR1) == 1);
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  ::close(grep);
}
