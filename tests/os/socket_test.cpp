// SPDX-License-Identifier: BSL-1.0
#include "tandem/os/socket.hpp"

#include <sys/mman.h>

#include <array>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "os/probes.hpp"
#include "support/catch.hpp"

namespace os = tandem::os;
using namespace tandem_test;
using os::patience;

namespace {

struct pair {
  int here = -1;
  int there = -1;
  explicit pair(int type = SOCK_SEQPACKET) {
    int ends[2];
    REQUIRE(os::open_socket_pair(ends, type) == 0);
    here = ends[0];
    there = ends[1];
  }
  ~pair() {
    close_here();
    close_there();
  }
  void close_here() {
    if (here >= 0) os::close(std::exchange(here, -1));
  }
  void close_there() {
    if (there >= 0) os::close(std::exchange(there, -1));
  }
};

// Descriptors that can be told apart: files, each at a position of its own.
std::vector<int> open_some(std::size_t count) {
  std::vector<int> descriptors;
  for (std::size_t i = 0; i < count; ++i) {
    descriptors.push_back(::memfd_create("test", MFD_CLOEXEC));
    REQUIRE(descriptors.back() >= 0);
    REQUIRE(::lseek(descriptors.back(), static_cast<off_t>(i), SEEK_SET) == static_cast<off_t>(i));
  }
  return descriptors;
}

bool same_files_in_order(std::span<int const> descriptors) {
  for (std::size_t i = 0; i < descriptors.size(); ++i) {
    if (::lseek(descriptors[i], 0, SEEK_CUR) != static_cast<off_t>(i)) return false;
  }
  return true;
}

int descriptors_open() {
  int count = 0;
  for (int i = 0; i < 4096; ++i) count += os::is_open(i);
  return count;
}

}  // namespace

TEST_CASE("socket: a pair is connected, close-on-exec, and of the type asked for", "[os][socket]") {
  int const type = GENERATE(SOCK_STREAM, SOCK_SEQPACKET);
  pair sockets{type};
  CHECK(close_on_exec(sockets.here));
  CHECK(close_on_exec(sockets.there));
  CHECK(os::send(sockets.here, "ab", 2) == 2);
  CHECK(os::send(sockets.here, "cd", 2) == 2);
  char text[8];
  CHECK(os::receive(sockets.there, text, sizeof text) == (type == SOCK_STREAM ? 4 : 2));
}

TEST_CASE("socket: no room for a pair is EMFILE", "[os][socket]") {
  auto const child = run_in_child([] {
    descriptor_limit const few{1};
    int ends[2];
    CHECK((os::open_socket_pair(ends, SOCK_STREAM) == -1 && errno == EMFILE));
    CHECK(descriptors_open() < 64);
  });
  CHECK(child.passed());
}

TEST_CASE("socket: without patience nothing sleeps", "[os][socket]") {
  pair sockets;
  char byte = 0;
  int one = -7;
  CHECK((os::receive(sockets.here, &byte, 1, patience::none) == -1 && errno == EAGAIN));
  CHECK((os::receive_descriptors(sockets.here, {&one, 1}, patience::none) == -1 && errno == EAGAIN));
  CHECK(one == -1);
  std::string const packet(4096, 'x');
  int sent = 0;
  while (os::send(sockets.here, packet.data(), packet.size(), patience::none) > 0) ++sent;
  CHECK(errno == EAGAIN);
  CHECK(sent > 0);
  one = 0;
  CHECK((os::send_descriptors(sockets.here, {&one, 1}, patience::none) == -1 && errno == EAGAIN));
}

TEST_CASE("socket: to a closed peer sending says EPIPE, without SIGPIPE", "[os][socket][sigpipe]") {
  int const type = GENERATE(SOCK_STREAM, SOCK_SEQPACKET);
  auto const child = run_in_child([&] {
    ::signal(SIGPIPE, SIG_DFL);
    pair sockets{type};
    sockets.close_there();
    CHECK((os::send(sockets.here, "x", 1) == -1 && errno == EPIPE));
    int const one = 0;
    CHECK((os::send_descriptors(sockets.here, {&one, 1}) == -1 && errno == EPIPE));
    char byte = 0;
    CHECK(os::receive(sockets.here, &byte, 1) == 0);
  });
  INFO(child.to_string());
  CHECK(child.passed());
}

TEST_CASE("socket: descriptors arrive in order, close-on-exec, in as many messages as it takes",
          "[os][socket][descriptors]") {
  int const type = GENERATE(SOCK_STREAM, SOCK_SEQPACKET);
  std::size_t const count = GENERATE(std::size_t{0}, std::size_t{1}, std::size_t{2}, std::size_t{252}, std::size_t{253},
                                     std::size_t{254}, std::size_t{506}, std::size_t{600});
  CAPTURE(type, count);
  pair sockets{type};
  auto sent = open_some(count);
  CHECK(os::send_descriptors(sockets.here, sent) == 0);
  std::vector<int> received(count, -7);
  REQUIRE(os::receive_descriptors(sockets.there, received, patience::none) == 0);
  CHECK(same_files_in_order(received));
  bool all_marked = true;
  for (int const one : received) all_marked = all_marked && close_on_exec(one);
  CHECK(all_marked);
  char byte = 0;
  CHECK((os::receive(sockets.there, &byte, 1, patience::none) == -1 && errno == EAGAIN));  // nothing is left over
  os::close_all(sent);
  os::close_all(received);
}

TEST_CASE("socket: descriptors pass between processes and threads, either way", "[os][socket][descriptors]") {
  pair sockets;
  SECTION("a child sends 600 and dies; they are received afterwards") {
    auto const child = run_in_child([&] {
      auto const sent = open_some(600);
      REQUIRE(os::send_descriptors(sockets.there, sent) == 0);
    });
    REQUIRE(child.passed());
    std::vector<int> received(600);
    sockets.close_there();
    REQUIRE(os::receive_descriptors(sockets.here, received) == 0);
    CHECK(same_files_in_order(received));
    os::close_all(received);
  }
  SECTION("a child receives from its parent, which waits for no one") {
    child_process child{[&] {
      std::vector<int> received(300);
      REQUIRE(os::receive_descriptors(sockets.there, received) == 0);
      CHECK(same_files_in_order(received));
    }};
    auto sent = open_some(300);
    CHECK(os::send_descriptors(sockets.here, sent) == 0);
    os::close_all(sent);
    CHECK(child.join().passed());
  }
  SECTION("a thread receives") {
    std::vector<int> received(300);
    int result = -7;
    std::thread receiver{[&] { result = os::receive_descriptors(sockets.there, received); }};
    auto sent = open_some(300);
    CHECK(os::send_descriptors(sockets.here, sent) == 0);
    receiver.join();
    CHECK(result == 0);
    CHECK(same_files_in_order(received));
    os::close_all(sent);
    os::close_all(received);
  }
}

TEST_CASE("socket: a sender that is gone is ECONNRESET, and nothing that came is kept", "[os][socket][descriptors]") {
  int const type = GENERATE(SOCK_STREAM, SOCK_SEQPACKET);
  bool const patient = GENERATE(false, true);
  std::size_t const sent_before = GENERATE(std::size_t{0}, std::size_t{253});
  CAPTURE(type, patient, sent_before);
  pair sockets{type};
  child_process child{[&] {
    sockets.close_here();
    auto const sent = open_some(sent_before);
    REQUIRE(os::send_descriptors(sockets.there, sent) == 0);
    ::kill(::getpid(), SIGKILL);
  }};
  CHECK(child.join().signal == SIGKILL);
  sockets.close_there();
  int const open_before = descriptors_open();
  std::vector<int> received(300, -7);
  CHECK(os::receive_descriptors(sockets.here, received, patient ? patience::wait : patience::none) == -1);
  CHECK(errno == ECONNRESET);
  CHECK(received == std::vector<int>(300, -1));
  CHECK(descriptors_open() == open_before);
}

TEST_CASE("socket: what a peer sent is received though it left something unread", "[os][socket][descriptors]") {
  int const type = GENERATE(SOCK_STREAM, SOCK_SEQPACKET);
  pair sockets{type};
  CHECK(os::send(sockets.here, "unread", 6) == 6);
  int const one = 0;
  CHECK(os::send_descriptors(sockets.there, {&one, 1}) == 0);
  sockets.close_there();
  int received = -1;
  CHECK(os::receive_descriptors(sockets.here, {&received, 1}, patience::none) == 0);
  CHECK(os::is_open(received));
  os::close(received);
  CHECK((os::receive_descriptors(sockets.here, {&received, 1}, patience::none) == -1 && errno == ECONNRESET));
}

TEST_CASE("socket: a sender that lives and has not sent all is EAGAIN, and what came is closed",
          "[os][socket][descriptors]") {
  pair sockets;
  auto sent = open_some(253);
  CHECK(os::send_descriptors(sockets.here, sent) == 0);
  int const open_before = descriptors_open();
  std::vector<int> received(254);
  CHECK((os::receive_descriptors(sockets.there, received, patience::none) == -1 && errno == EAGAIN));
  CHECK(descriptors_open() == open_before);
  os::close_all(sent);
}

TEST_CASE("socket: another number of descriptors than agreed is EBADMSG, and none is kept",
          "[os][socket][descriptors]") {
  pair sockets;
  int const open_before = descriptors_open();
  std::array<int, 3> const sent{0, 1, 2};
  std::vector<int> received(2);
  SECTION("more, and one fits into the padding") { CHECK(os::send_descriptors(sockets.here, sent) == 0); }
  SECTION("none") { CHECK(os::send(sockets.here, "x", 1) == 1); }
  SECTION("one after another, the last too many") {
    CHECK(os::send_descriptors(sockets.here, std::span{sent}.first(1)) == 0);
    CHECK(os::send_descriptors(sockets.here, std::span{sent}.first(2)) == 0);
  }
  CHECK((os::receive_descriptors(sockets.there, received, patience::none) == -1 && errno == EBADMSG));
  CHECK(received == std::vector<int>{-1, -1});
  CHECK(descriptors_open() == open_before);
}

TEST_CASE("socket: what the receiver's limit keeps out is EMFILE, and nothing leaks", "[os][socket][descriptors]") {
  std::size_t const count = GENERATE(std::size_t{1}, std::size_t{40}, std::size_t{253}, std::size_t{300});
  CAPTURE(count);
  auto const child = run_in_child([&] {
    pair sockets;
    auto sent = open_some(count);
    REQUIRE(os::send_descriptors(sockets.here, sent) == 0);
    os::close_all(sent);
    int const room = static_cast<int>(count) - 1;
    descriptor_limit const few{room};
    int const open_before = descriptors_open();
    std::vector<int> received(count);
    CHECK((os::receive_descriptors(sockets.there, received, patience::none) == -1 && errno == EMFILE));
    CHECK(received == std::vector<int>(count, -1));
    CHECK(descriptors_open() == open_before);
  });
  INFO(child.to_string());
  CHECK(child.passed());
}

TEST_CASE("socket: exactly as many descriptors as the limit lets in do arrive", "[os][socket][descriptors]") {
  auto const child = run_in_child([&] {
    pair sockets;
    auto sent = open_some(300);
    REQUIRE(os::send_descriptors(sockets.here, sent) == 0);
    os::close_all(sent);
    descriptor_limit const few{300};
    std::vector<int> received(300);
    CHECK(os::receive_descriptors(sockets.there, received, patience::none) == 0);
    CHECK(same_files_in_order(received));
  });
  INFO(child.to_string());
  CHECK(child.passed());
}

TEST_CASE("socket: too many on their way are ETOOMANYREFS to an unprivileged sender", "[os][socket][descriptors]") {
  auto const child = as_unprivileged([&] {
    pair sockets;
    descriptor_limit const few{50};
    std::vector<int> const sent(200, 0);
    int result = 0;
    for (int i = 0; i < 10 && result == 0; ++i) result = os::send_descriptors(sockets.here, sent);
    CHECK((result == -1 && errno == ETOOMANYREFS));
  });
  INFO(child.to_string());
  CHECK(child.passed());
}

TEST_CASE("socket: what is not open, or no socket, is said", "[os][socket]") {
  pair sockets;
  int const gone = ::dup(0);
  os::close(gone);
  char byte = 0;
  int one = -1;
  CHECK((os::send_descriptors(sockets.here, {&gone, 1}) == -1 && errno == EBADF));
  CHECK((os::send_descriptors(gone, {&sockets.here, 1}) == -1 && errno == EBADF));
  CHECK((os::receive_descriptors(gone, {&one, 1}) == -1 && errno == EBADF));
  CHECK((os::send(gone, &byte, 1) == -1 && errno == EBADF));
  CHECK((os::receive(gone, &byte, 1) == -1 && errno == EBADF));
  int const file = ::memfd_create("test", MFD_CLOEXEC);
  CHECK((os::receive_descriptors(file, {&one, 1}) == -1 && errno == ENOTSOCK));
  os::close(file);
}

TEST_CASE("socket: signals do not end a send or a receive", "[os][socket]") {
  pair sockets{SOCK_STREAM};
  shared_object<interruptions> counted;
  SECTION("receiving descriptors") {
    child_process child{[&] {
      count_signals(*counted);
      int one = -1;
      CHECK(os::receive_descriptors(sockets.there, {&one, 1}) == 0);
    }};
    interrupt(child, *counted);
    int const one = 0;
    CHECK(os::send_descriptors(sockets.here, {&one, 1}) == 0);
    CHECK(child.join().passed());
  }
  SECTION("receiving bytes") {
    child_process child{[&] {
      count_signals(*counted);
      char byte = 0;
      CHECK(os::receive(sockets.there, &byte, 1) == 1);
    }};
    interrupt(child, *counted);
    CHECK(os::send(sockets.here, "x", 1) == 1);
    CHECK(child.join().passed());
  }
  SECTION("sending into a full socket") {
    std::string const block(4096, 'x');
    while (os::send(sockets.there, block.data(), block.size(), patience::none) > 0) continue;
    child_process child{[&] {
      sockets.close_here();
      count_signals(*counted);
      int const one = 0;
      CHECK(os::send(sockets.there, "y", 1) == 1);
      CHECK(os::send_descriptors(sockets.there, {&one, 1}) == 0);
    }};
    interrupt(child, *counted);
    std::string text(block.size(), ' ');
    sockets.close_there();
    while (os::receive(sockets.here, text.data(), text.size()) > 0) continue;
    CHECK(child.join().passed());
  }
}
