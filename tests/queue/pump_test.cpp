// SPDX-License-Identifier: BSL-1.0
#include "tandem/queue/pump.hpp"

#include <fcntl.h>

#include <cerrno>
#include <chrono>
#include <string>
#include <thread>
#include <utility>

#include "support/catch.hpp"
#include "support/error_of.hpp"
#include "support/temp_dir.hpp"
#include "tandem/core.hpp"
#include "tandem/execution/process.hpp"
#include "tandem/memory/shared.hpp"
#include "tandem/queue/byte_stream.hpp"
#include "tandem/resource/pipe.hpp"
#include "tandem/sync/stop_token.hpp"

using namespace std::chrono_literals;
using tandem::byte_stream, tandem::fd, tandem::pump, tandem::shared;
using tandem_test::error_of;

TEST_CASE("pump: a pipe into a stream into a file, byte by byte", "[queue][pump]") {
  std::string text;
  for (int i = 0; i < 50'000; ++i) text += std::to_string(i);
  tandem_test::temp_dir const folder;
  auto const path = (folder.path() / "copy").string();
  shared<byte_stream> stream(1000);
  tandem::process takes([path](auto in) { return pump(in, fd::open(path, O_WRONLY | O_CREAT | O_EXCL)); },
                        stream->consumer());
  tandem::pipe road;  // made behind the process, which would have both ends as well
  std::thread fills([&, end = std::move(road.write_end)] { end.write(text); });
  {
    auto out = stream->producer();
    CHECK(pump(road.read_end, out) == text.size());
  }
  fills.join();
  CHECK(takes.join().value() == text.size());
  CHECK(fd::open(path, O_RDONLY).read_all() == text);
}

TEST_CASE("pump: ends in time, or when told to, and nothing is lost", "[queue][pump]") {
  byte_stream stream(4);
  auto in = stream.consumer();
  auto out = stream.producer();
  tandem::pipe from, to;
  from.write_end.write("abcdef");
  CHECK(pump(from.read_end, out, tandem::deadline::after(1ms)) == 4);
  CHECK(pump(in, to.write_end, tandem::deadline::after(1ms)) == 4);
  tandem::stop_source stop;
  stop.request_stop();
  CHECK(pump(in, to.write_end, tandem::deadline::never(), stop.get_token()) == 0);
  from.write_end.reset();
  CHECK(pump(from.read_end, out) == 2);
  out.close();
  CHECK(pump(in, to.write_end) == 2);
  to.write_end.reset();
  CHECK(to.read_end.read_all() == "abcdef");
}

TEST_CASE("pump: what the other side throws", "[queue][pump][errors]") {
  byte_stream stream(16);
  auto in = stream.consumer();
  auto out = stream.producer();
  tandem::pipe road;
  road.read_end.reset();
  out.write("abc");
  CHECK(error_of([&] { pump(in, road.write_end); }) == EPIPE);
  CHECK(stream.peek().size() == 3);  // it stays
  fd const none;
  CHECK(error_of([&] { pump(none, out); }) == EBADF);
  tandem::pipe other;
  REQUIRE(::fcntl(other.read_end.get(), F_SETFL, O_NONBLOCK) == 0);
  other.write_end.write("def");
  CHECK(error_of([&] { pump(other.read_end, out); }) == EAGAIN);
  CHECK(stream.peek().size() == 6);
  { auto const last = std::move(in); }
  other.write_end.write("ghi");
  CHECK(error_of([&] { pump(other.read_end, out); }) == EPIPE);
}
