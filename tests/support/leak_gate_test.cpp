// SPDX-License-Identifier: BSL-1.0
#include "support/leak_gate.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstring>
#include <fstream>
#include <thread>

#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/place.hpp"
#include "support/temp_dir.hpp"
#include "support/watchdog.hpp"

using tandem_test::ContainsSubstring, tandem_test::StartsWith;

using namespace std::chrono_literals;

namespace {

// The one leak that is there; the gate of the test case itself must see it gone at the end.
std::string only_leak(tandem_test::leak_gate const& gate) {
  auto const found = gate.leaks(20ms);
  REQUIRE(found.size() == 1);
  return found[0];
}

}  // namespace

TEST_CASE("leak_gate: nothing has changed, nothing is said", "[support][leak_gate]") {
  tandem_test::leak_gate const gate;
  std::thread([] {}).join();
  ::close(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  CHECK(gate.leaks().empty());
}

TEST_CASE("leak_gate: an open descriptor is named with its file", "[support][leak_gate]") {
  tandem_test::leak_gate const gate;
  int const file = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  CHECK(only_leak(gate) == "descriptor " + std::to_string(file) + " -> /dev/null");
  ::close(file);
}

TEST_CASE("leak_gate: a descriptor that was closed or replaced is missed", "[support][leak_gate]") {
  int const file = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  tandem_test::leak_gate const gate;
  ::close(file);
  CHECK_THAT(only_leak(gate), ContainsSubstring("was closed"));
}

TEST_CASE("leak_gate: children are seen, zombies too", "[support][leak_gate]") {
  tandem_test::leak_gate const gate;
  pid_t const child = ::fork();
  if (child == 0) ::_exit(0);
  siginfo_t ended{};
  REQUIRE(::waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOWAIT) == 0);
  auto const words = only_leak(gate);
  CHECK_THAT(words, StartsWith("child: process " + std::to_string(child)));
  CHECK_THAT(words, ContainsSubstring("zombie"));
  ::waitpid(child, nullptr, 0);
  CHECK(gate.leaks().empty());
}

TEST_CASE("leak_gate: an orphan is seen, though it is a child no more", "[support][leak_gate]") {
  tandem_test::leak_gate const gate;
  if (tandem_test::watchdog::orphans_are_ours()) {
    auto& orphan = tandem_test::place<std::atomic<pid_t>>(0);
    auto& leave = tandem_test::place<std::atomic<bool>>(false);
    auto const end = tandem_test::run_in_child([&] {
      if (::fork() != 0) ::_exit(0);
      orphan = ::getpid();
      while (!leave) ::sched_yield();
      ::_exit(0);
    });
    CHECK(end.passed());
    bool named = false;
    for (auto const& leak : gate.leaks(20ms))
      named = named || leak.find("process " + std::to_string(orphan)) != std::string::npos;
    CHECK(named);
    leave = true;
  }
}

TEST_CASE("leak_gate: a thread is named", "[support][leak_gate]") {
  tandem_test::leak_gate const gate;
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  std::thread thread{[&] {
    ::pthread_setname_np(::pthread_self(), "lingering");
    char byte = 0;
    while (::read(ends[0], &byte, 1) > 0) {}
  }};
  ::usleep(1000);
  auto const found = gate.leaks(20ms);
  CHECK(found.size() == 3);  // and the two ends of the pipe
  bool named = false;
  for (auto const& leak : found) named = named || leak.find("(lingering)") != std::string::npos;
  CHECK(named);
  ::close(ends[1]);
  thread.join();
  ::close(ends[0]);
}

TEST_CASE("leak_gate: a shared mapping is counted by its bytes", "[support][leak_gate]") {
  tandem_test::leak_gate const gate;
  void* const memory = ::mmap(nullptr, 8192, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK_THAT(only_leak(gate), StartsWith("shared mapping of ") && ContainsSubstring("8192 bytes"));
  ::munmap(memory, 8192);
}

TEST_CASE("leak_gate: names of shared memory and abstract sockets are seen", "[support][leak_gate]") {
  tandem_test::leak_gate const gate;
  auto const name = tandem_test::unique_name("left");
  SECTION("shared memory") {
    ::close(::shm_open(("/" + name).c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
    CHECK(only_leak(gate) == "name: /dev/shm/" + name);
    ::shm_unlink(("/" + name).c_str());
  }
  SECTION("abstract socket") {
    int const socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    std::memcpy(address.sun_path + 1, name.data(), name.size());
    auto const length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    REQUIRE(::bind(socket, reinterpret_cast<sockaddr*>(&address), length) == 0);
    auto const found = gate.leaks(20ms);
    CHECK(found.size() == 2);  // the descriptor and the name
    CHECK(found.back() == "name: abstract socket @" + name);
    ::close(socket);
  }
}

TEST_CASE("leak_gate: a file in the temporary folder is seen, and a temp_dir leaves none", "[support][leak_gate]") {
  tandem_test::leak_gate const gate;
  {
    tandem_test::temp_dir const folder;
    std::ofstream(folder / "file") << "text";
    CHECK(only_leak(gate) == "name: " + folder.path().string());
  }
  CHECK(gate.leaks().empty());
}

TEST_CASE("leak_gate: what is kept may come once, not twice", "[support][leak_gate]") {
  tandem_test::leak_gate::keep("tandem-kept");
  int first = -1;
  {
    tandem_test::leak_gate const gate;
    first = ::memfd_create("tandem-kept", MFD_CLOEXEC);
    CHECK(gate.leaks().empty());
  }
  tandem_test::leak_gate const gate;
  int const second = ::memfd_create("tandem-kept", MFD_CLOEXEC);
  CHECK_THAT(only_leak(gate), ContainsSubstring("tandem-kept"));
  ::close(second);
  ::close(first);
}
