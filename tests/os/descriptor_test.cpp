// SPDX-License-Identifier: BSL-1.0
#include "tandem/os/descriptor.hpp"

#include <sys/socket.h>
#include <sys/stat.h>

#include <csignal>
#include <string>

#include "os/probes.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/syscall_fault.hpp"
#include "support/temp_dir.hpp"

namespace os = tandem::os;
using namespace tandem_test;

namespace {

bool sigpipe_pending() {
  sigset_t pending;
  ::sigpending(&pending);
  return ::sigismember(&pending, SIGPIPE) == 1;
}

bool sigpipe_blocked() {
  sigset_t mask;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  return ::sigismember(&mask, SIGPIPE) == 1;
}

void block_sigpipe() {
  sigset_t mask;
  ::sigemptyset(&mask);
  ::sigaddset(&mask, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &mask, nullptr);
}

}  // namespace

TEST_CASE("descriptor: close closes once, and says EBADF afterwards", "[os][descriptor]") {
  int const descriptor = ::dup(0);
  CHECK(os::is_open(descriptor));
  CHECK(os::close(descriptor) == 0);
  CHECK_FALSE(os::is_open(descriptor));
  CHECK(os::close(descriptor) == -1);
  CHECK(errno == EBADF);
  CHECK_FALSE(os::is_open(-1));
}

TEST_CASE("descriptor: a close that a signal interrupted is done", "[os][descriptor]") {
  auto const child = run_with_fault({{SYS_close, EINTR}}, [] { CHECK(os::close(::dup(0)) == 0); });
  INFO(child.to_string());
  CHECK(child.passed());
}

TEST_CASE("descriptor: a duplicate is close-on-exec, shares the open file, and keeps off low numbers",
          "[os][descriptor]") {
  int ends[2];
  REQUIRE(os::open_pipe(ends) == 0);
  int const copy = os::duplicate(ends[1], 50);
  CHECK(copy >= 50);
  CHECK(close_on_exec(copy));
  CHECK(os::write(copy, "x", 1) == 1);
  char byte = 0;
  CHECK(os::read(ends[0], &byte, 1) == 1);
  CHECK(byte == 'x');
  for (int const one : {ends[0], ends[1], copy}) os::close(one);
}

TEST_CASE("descriptor: what is not open is not duplicated, read, or written", "[os][descriptor]") {
  int const gone = ::dup(0);
  os::close(gone);
  char byte = 0;
  CHECK((os::duplicate(gone) == -1 && errno == EBADF));
  CHECK((os::duplicate(-1) == -1 && errno == EBADF));
  CHECK((os::read(gone, &byte, 1) == -1 && errno == EBADF));
  CHECK((os::write(gone, &byte, 1) == -1 && errno == EBADF));
}

TEST_CASE("descriptor: at the limit of open files everything that makes one says EMFILE", "[os][descriptor]") {
  auto const child = run_in_child([] {
    descriptor_limit const few{0};
    int ends[2] = {-7, -7};
    CHECK((os::duplicate(0) == -1 && errno == EMFILE));
    CHECK((os::open("/dev/null", O_RDONLY) == -1 && errno == EMFILE));
    CHECK((os::open_pipe(ends) == -1 && errno == EMFILE));
    CHECK(ends[0] == -7);
  });
  INFO(child.to_string());
  CHECK(child.passed());
}

TEST_CASE("descriptor: open makes close-on-exec descriptors, with the mode asked for, or says why not",
          "[os][descriptor]") {
  tandem_test::temp_dir const folder;
  auto const path = (folder / "file").string();
  CHECK((os::open(path.c_str(), O_RDONLY) == -1 && errno == ENOENT));
  int const descriptor = os::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL, 0600);
  REQUIRE(descriptor >= 0);
  CHECK(close_on_exec(descriptor));
  struct stat status {};
  CHECK(::fstat(descriptor, &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
  CHECK((os::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL, 0600) == -1 && errno == EEXIST));
  os::close(descriptor);
}

TEST_CASE("descriptor: an open of a FIFO goes on after a signal", "[os][descriptor]") {
  tandem_test::temp_dir const folder;
  auto const path = (folder / "fifo").string();
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  shared_object<interruptions> shared;
  child_process child{[&] {
    count_signals(*shared);
    int const descriptor = os::open(path.c_str(), O_RDONLY);
    REQUIRE(descriptor >= 0);
    char byte = 0;
    CHECK(os::read(descriptor, &byte, 1) == 1);
  }};
  interrupt(child, *shared);
  int const writer = os::open(path.c_str(), O_WRONLY);
  CHECK(os::write(writer, "x", 1) == 1);
  os::close(writer);
  auto const end = child.join();
  INFO(end.to_string());
  CHECK(end.passed());
}

TEST_CASE("descriptor: both ends of a pipe are close-on-exec, and flags reach them", "[os][descriptor]") {
  int ends[2];
  REQUIRE(os::open_pipe(ends, O_NONBLOCK) == 0);
  CHECK(close_on_exec(ends[0]));
  CHECK(close_on_exec(ends[1]));
  char byte = 0;
  CHECK((os::read(ends[0], &byte, 1) == -1 && errno == EAGAIN));
  CHECK(os::write(ends[1], "abc", 3) == 3);
  char text[8];
  CHECK(os::read(ends[0], text, sizeof text) == 3);
  os::close(ends[1]);
  CHECK(os::read(ends[0], text, sizeof text) == 0);
  os::close(ends[0]);
}

TEST_CASE("descriptor: read and write go on after a signal", "[os][descriptor]") {
  int ends[2];
  REQUIRE(os::open_pipe(ends) == 0);
  shared_object<interruptions> shared;
  SECTION("read") {
    child_process child{[&] {
      count_signals(*shared);
      char byte = 0;
      CHECK(os::read(ends[0], &byte, 1) == 1);
    }};
    interrupt(child, *shared);
    CHECK(os::write(ends[1], "x", 1) == 1);
    CHECK(child.join().passed());
  }
  SECTION("write") {
    int const size = ::fcntl(ends[1], F_GETPIPE_SZ);
    std::string const full(static_cast<std::size_t>(size), 'x');
    REQUIRE(os::write(ends[1], full.data(), full.size()) == size);
    child_process child{[&] {
      count_signals(*shared);
      CHECK(os::write(ends[1], "y", 1) == 1);
    }};
    interrupt(child, *shared);
    std::string text(full.size(), ' ');
    CHECK(os::read(ends[0], text.data(), text.size()) == size);
    CHECK(child.join().passed());
  }
  os::close(ends[0]);
  os::close(ends[1]);
}

TEST_CASE("descriptor: a write that nobody reads says EPIPE, and no SIGPIPE comes", "[os][descriptor][sigpipe]") {
  bool const socket = GENERATE(false, true);
  auto const disposition = GENERATE(as<std::string>{}, "default", "ignored", "handled");
  CAPTURE(socket, disposition);
  auto const child = run_in_child([&] {  // where SIGPIPE would be death
    interruptions handled{};
    if (disposition == "handled") count_signals(handled, SIGPIPE);
    if (disposition == "ignored") ::signal(SIGPIPE, SIG_IGN);
    if (disposition == "default") ::signal(SIGPIPE, SIG_DFL);
    int ends[2];
    REQUIRE((socket ? ::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) : os::open_pipe(ends)) == 0);
    os::close(ends[0]);
    for (int i = 0; i < 3; ++i) CHECK((os::write(ends[1], "x", 1) == -1 && errno == EPIPE));
    CHECK(handled.count == 0);
    CHECK_FALSE(sigpipe_blocked());
    CHECK_FALSE(sigpipe_pending());
  });
  INFO(child.to_string());
  CHECK(child.passed());
}

TEST_CASE("descriptor: a SIGPIPE that was pending stays pending, and a blocked one stays blocked",
          "[os][descriptor][sigpipe]") {
  bool const pending_before = GENERATE(false, true);
  bool const to_the_process = GENERATE(false, true);
  auto const child = run_in_child([&] {
    block_sigpipe();
    if (pending_before) to_the_process ? ::kill(::getpid(), SIGPIPE) : ::raise(SIGPIPE);
    int ends[2];
    REQUIRE(os::open_pipe(ends) == 0);
    os::close(ends[0]);
    CHECK((os::write(ends[1], "x", 1) == -1 && errno == EPIPE));
    CHECK(sigpipe_blocked());
    CHECK(sigpipe_pending() == pending_before);
  });
  INFO(child.to_string());
  CHECK(child.passed());
}

TEST_CASE("descriptor: a successful write keeps a pending SIGPIPE too", "[os][descriptor][sigpipe]") {
  auto const child = run_in_child([&] {
    block_sigpipe();
    ::raise(SIGPIPE);
    int ends[2];
    REQUIRE(os::open_pipe(ends) == 0);
    CHECK(os::write(ends[1], "x", 1) == 1);
    CHECK(sigpipe_pending());
  });
  CHECK(child.passed());
}

TEST_CASE("descriptor: close-on-exec is set and taken away", "[os][descriptor]") {
  int const file = os::open("/dev/null", O_RDONLY);
  CHECK(os::set_close_on_exec(file, false) == 0);
  CHECK(::fcntl(file, F_GETFD) == 0);
  CHECK(os::set_close_on_exec(file) == 0);
  CHECK(::fcntl(file, F_GETFD) == FD_CLOEXEC);
  os::close(file);
  CHECK((os::set_close_on_exec(file) == -1 && errno == EBADF));
}
