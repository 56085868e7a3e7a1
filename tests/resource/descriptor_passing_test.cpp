// SPDX-License-Identifier: BSL-1.0
#include "tandem/resource/impl/descriptor_passing.hpp"

#include <csignal>
#include <system_error>
#include <vector>

#include "os/probes.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/error_of.hpp"
#include "tandem/resource/socket_pair.hpp"

using namespace tandem_test;
using tandem::fd, tandem::socket_kind, tandem::impl::receive_descriptors, tandem::impl::send_descriptors;
using tandem::os::patience;

TEST_CASE("descriptor_passing: 600 outlive the child that sent them", "[resource][descriptor_passing]") {
  auto const kind = GENERATE(socket_kind::stream, socket_kind::messages);
  tandem::socket_pair sockets{kind};
  CHECK(run_in_child([&] {
          std::vector<fd> files;
          std::vector<int> numbers;
          for (int i = 0; i < 600; ++i) {
            files.push_back(fd::open("/dev/null", O_RDWR));
            numbers.push_back(files.back().get());
          }
          send_descriptors(sockets.second, numbers);
        }).passed());
  sockets.second.reset();
  auto const received = receive_descriptors(sockets.first, 600, patience::none);
  REQUIRE(received.size() == 600);
  int count = 0;
  for (auto const& one : received) count += close_on_exec(one.get());
  CHECK(count == 600);
}

TEST_CASE("descriptor_passing: none is no message", "[resource][descriptor_passing]") {
  tandem::socket_pair sockets{socket_kind::messages};
  send_descriptors(sockets.first, {});
  CHECK(receive_descriptors(sockets.second, 0).empty());
  CHECK(error_of([&] { receive_descriptors(sockets.second, 1, patience::none); }) == EAGAIN);
}

TEST_CASE("descriptor_passing: the system's refusals are thrown", "[resource][descriptor_passing]") {
  tandem::socket_pair sockets{socket_kind::messages};
  int const gone = ::dup(0);
  ::close(gone);
  CHECK(error_of([&] { send_descriptors(sockets.first, {&gone, 1}); }) == EBADF);
  std::vector<int> const two{0, 1};
  send_descriptors(sockets.first, two);
  CHECK(error_of([&] { receive_descriptors(sockets.second, 1, patience::none); }) == EBADMSG);
  sockets.first.reset();
  CHECK(error_of([&] { receive_descriptors(sockets.second, 1); }) == ECONNRESET);
  CHECK(error_of([&] { send_descriptors(sockets.second, two); }) == EPIPE);
}

TEST_CASE("descriptor_passing: no room in the receiver is EMFILE", "[resource][descriptor_passing]") {
  CHECK(run_in_child([] {
          tandem::socket_pair sockets{socket_kind::messages};
          send_descriptors(sockets.first, std::vector<int>(300, 0));
          descriptor_limit const few{299};
          CHECK(error_of([&] { receive_descriptors(sockets.second, 300, patience::none); }) == EMFILE);
        }).passed());
}
