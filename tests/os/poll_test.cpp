// SPDX-License-Identifier: BSL-1.0
#include "tandem/os/poll.hpp"

#include <thread>
#include <utility>

#include "os/probes.hpp"
#include "support/catch.hpp"
#include "tandem/os/descriptor.hpp"

namespace os = tandem::os;
using namespace tandem_test;

namespace {

struct pipe_ends {
  int ends[2];
  pipe_ends() { REQUIRE(os::open_pipe(ends) == 0); }
  ~pipe_ends() {
    for (int const one : ends) os::close(one);
  }
};

}  // namespace

TEST_CASE("poll: a ready descriptor is told at once, even past the deadline", "[os][poll]") {
  pipe_ends pipe;
  CHECK(os::wait_ready(pipe.ends[1], POLLOUT, 0) == POLLOUT);
  REQUIRE(os::write(pipe.ends[1], "x", 1) == 1);
  CHECK(os::wait_ready(pipe.ends[0], POLLIN, -5) == POLLIN);
  CHECK(os::wait_ready(pipe.ends[0], POLLIN) == POLLIN);
}

TEST_CASE("poll: at the deadline it returns 0, not before", "[os][poll]") {
  pipe_ends pipe;
  CHECK(os::wait_ready(pipe.ends[0], POLLIN, os::monotonic_ns()) == 0);
  CHECK(os::wait_ready(pipe.ends[0], POLLIN, INT64_MIN) == 0);
  auto const until = os::monotonic_ns() + 3'000'000;
  CHECK(os::wait_ready(pipe.ends[0], POLLIN, until) == 0);
  CHECK(os::monotonic_ns() >= until);
}

TEST_CASE("poll: a closed peer ends the wait, asked for or not", "[os][poll]") {
  pipe_ends pipe;
  SECTION("for the reader") {
    os::close(std::exchange(pipe.ends[1], -1));
    CHECK(os::wait_ready(pipe.ends[0], POLLIN) == POLLHUP);
  }
  SECTION("for the writer") {
    os::close(std::exchange(pipe.ends[0], -1));
    CHECK((os::wait_ready(pipe.ends[1], 0) & POLLERR) != 0);
  }
}

TEST_CASE("poll: what is not open is EBADF, not a wait without end", "[os][poll]") {
  CHECK((os::wait_ready(-1, POLLIN) == -1 && errno == EBADF));
  int const gone = ::dup(0);
  os::close(gone);
  CHECK((os::wait_ready(gone, POLLIN) == -1 && errno == EBADF));
}

TEST_CASE("poll: signals neither end the wait nor prolong it", "[os][poll]") {
  pipe_ends pipe;
  shared_object<interruptions> counted;
  SECTION("without a deadline") {
    child_process child{[&] {
      count_signals(*counted);
      CHECK(os::wait_ready(pipe.ends[0], POLLIN) == POLLIN);
    }};
    interrupt(child, *counted);
    CHECK(os::write(pipe.ends[1], "x", 1) == 1);
    CHECK(child.join().passed());
  }
  SECTION("up to a deadline") {
    child_process child{[&] {
      count_signals(*counted);
      auto const until = os::monotonic_ns() + 1'000'000'000;
      CHECK(os::wait_ready(pipe.ends[0], POLLIN, until) == 0);
      CHECK(os::monotonic_ns() >= until);
    }};
    interrupt(child, *counted, 5);
    CHECK(child.join().passed());
  }
}

TEST_CASE("poll: a thread that waits is woken by another's write", "[os][poll]") {
  pipe_ends pipe;
  std::thread writer{[&] { os::write(pipe.ends[1], "x", 1); }};
  CHECK(os::wait_ready(pipe.ends[0], POLLIN) == POLLIN);
  writer.join();
}

TEST_CASE("poll: of several descriptors it tells those that are ready", "[os][poll]") {
  pipe_ends first, second;
  pollfd both[] = {{first.ends[0], POLLIN, 0}, {second.ends[0], POLLIN, 0}, {-1, POLLIN, 0}};
  auto const until = os::monotonic_ns() + 3'000'000;
  CHECK(os::wait_any_ready(both, 3, until) == 0);
  CHECK(os::monotonic_ns() >= until);
  CHECK(os::wait_any_ready(both, 3, INT64_MIN) == 0);
  std::thread writer{[&] { os::write(second.ends[1], "x", 1); }};
  CHECK(os::wait_any_ready(both, 3) == 1);
  CHECK((both[0].revents == 0 && both[1].revents == POLLIN));
  writer.join();
  both[0].fd = 1 << 20;
  CHECK(os::wait_any_ready(both, 3) == 2);
  CHECK(both[0].revents == POLLNVAL);
}
