// SPDX-License-Identifier: BSL-1.0
#include "tandem/resource/send_fd.hpp"

#include <array>
#include <chrono>
#include <csignal>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>

#include "os/probes.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/error_of.hpp"
#include "tandem/resource/pipe.hpp"
#include "tandem/resource/socket_pair.hpp"

using namespace tandem_test;
using namespace std::chrono_literals;
using tandem::fd, tandem::socket_kind;

TEST_CASE("send_fd: an open file goes from process to process", "[resource][send_fd]") {
  auto const kind = GENERATE(socket_kind::stream, socket_kind::messages);
  tandem::socket_pair sockets{kind};
  child_process child{[&] {
    sockets.first.reset();
    tandem::pipe p;
    tandem::send_fd(sockets.second, p.read_end);
    p.write_end.write("through a pipe that the parent never made");
  }};
  sockets.second.reset();
  fd const received = tandem::receive_fd(sockets.first);
  CHECK(close_on_exec(received.get()));
  CHECK(received.read_all() == "through a pipe that the parent never made");
  CHECK(child.join().passed());
}

TEST_CASE("send_fd: the sender keeps its own", "[resource][send_fd]") {
  tandem::socket_pair sockets;
  tandem::pipe p;
  tandem::send_fd(sockets.first, p.write_end);
  fd const received = tandem::receive_fd(sockets.second);
  CHECK(p.write_end);
  CHECK(received != p.write_end);
}

TEST_CASE("send_fd: several arrive in order, one for each call", "[resource][send_fd]") {
  auto const kind = GENERATE(socket_kind::stream, socket_kind::messages);
  tandem::socket_pair sockets{kind};
  tandem::pipe pipes[3];
  for (auto& p : pipes) tandem::send_fd(sockets.first, p.write_end);
  for (auto& p : pipes) {
    p.write_end.reset();
    tandem::receive_fd(sockets.second).write("mine");
    CHECK(p.read_end.read_all() == "mine");
  }
}

TEST_CASE("send_fd: what was sent by one who died is received, then the end", "[resource][send_fd]") {
  auto const kind = GENERATE(socket_kind::stream, socket_kind::messages);
  tandem::socket_pair sockets{kind};
  child_process child{[&] {
    tandem::send_fd(sockets.second, fd::open("/dev/null", O_RDWR));
    ::kill(::getpid(), SIGKILL);
  }};
  CHECK(child.join().signal == SIGKILL);
  sockets.second.reset();
  CHECK(tandem::receive_fd(sockets.first));
  CHECK_FALSE(tandem::receive_fd(sockets.first));
  CHECK(tandem::receive_fd_for(sockets.first, 1h).has_value());
}

TEST_CASE("send_fd: a receiver that waits is woken, by a descriptor or by the end", "[resource][send_fd]") {
  tandem::socket_pair sockets;
  SECTION("by a descriptor") {
    std::thread sender{[&] { tandem::send_fd(sockets.first, fd::open("/dev/null", O_RDWR)); }};
    CHECK(tandem::receive_fd(sockets.second));
    sender.join();
  }
  SECTION("by the end") {
    std::thread sender{[other = std::move(sockets.first)] {}};
    CHECK_FALSE(tandem::receive_fd(sockets.second));
    sender.join();
  }
}

TEST_CASE("send_fd: a timed receiver gives up at its time, not earlier", "[resource][send_fd]") {
  tandem::socket_pair sockets;
  CHECK_FALSE(tandem::receive_fd_for(sockets.first, -1s).has_value());
  auto const until = std::chrono::steady_clock::now() + 2ms;
  CHECK_FALSE(tandem::receive_fd_until(sockets.first, until).has_value());
  CHECK(std::chrono::steady_clock::now() >= until);
  tandem::send_fd(sockets.second, sockets.second);
  CHECK(tandem::receive_fd_for(sockets.first, 0s).value());
}

TEST_CASE("send_fd: an empty one is not sent", "[resource][send_fd]") {
  tandem::socket_pair sockets;
  CHECK_THROWS_AS(tandem::send_fd(sockets.first, fd{}), std::invalid_argument);
  CHECK_FALSE(tandem::receive_fd_for(sockets.second, 0s).has_value());
}

TEST_CASE("send_fd: a closed peer is EPIPE to the sender, without SIGPIPE", "[resource][send_fd][sigpipe]") {
  CHECK(run_in_child([] {
          ::signal(SIGPIPE, SIG_DFL);
          tandem::socket_pair sockets;
          sockets.second.reset();
          CHECK(error_of([&] { tandem::send_fd(sockets.first, sockets.first); }) == EPIPE);
        }).passed());
}

TEST_CASE("send_fd: what is no Unix socket, or empty, is said", "[resource][send_fd]") {
  tandem::pipe p;
  CHECK(error_of([&] { tandem::send_fd(p.write_end, p.write_end); }) == ENOTSOCK);
  CHECK(error_of([&] { tandem::receive_fd(p.read_end); }) == ENOTSOCK);
  CHECK(error_of([&] { tandem::send_fd(fd{}, p.write_end); }) == EBADF);
  CHECK(error_of([&] { tandem::receive_fd(fd{}); }) == EBADF);
}

TEST_CASE("send_fd: bytes instead of a descriptor are EBADMSG", "[resource][send_fd]") {
  tandem::socket_pair sockets;
  sockets.first.write("x");
  CHECK(error_of([&] { tandem::receive_fd(sockets.second); }) == EBADMSG);
}

TEST_CASE("send_fd: a receiver without room for it throws EMFILE, and goes on afterwards", "[resource][send_fd]") {
  CHECK(run_in_child([] {
          tandem::socket_pair sockets;
          tandem::send_fd(sockets.first, sockets.first);
          tandem::send_fd(sockets.first, sockets.first);
          fd spare = fd::open("/dev/null", O_RDWR);
          descriptor_limit const few{0};
          CHECK(error_of([&] { tandem::receive_fd(sockets.second); }) == EMFILE);
          spare.reset();
          CHECK(tandem::receive_fd(sockets.second));
        }).passed());
}

TEST_CASE("send_fd: too many on their way are ETOOMANYREFS to an unprivileged sender", "[resource][send_fd]") {
  CHECK(as_unprivileged([] {
          tandem::socket_pair sockets;
          descriptor_limit const few{10};
          int error = 0;
          for (int i = 0; i < 200 && error == 0; ++i) {
            error = error_of([&] { tandem::send_fd(sockets.first, sockets.first); });
          }
          CHECK(error == ETOOMANYREFS);
        }).passed());
}
