// SPDX-License-Identifier: BSL-1.0
#include "tandem/queue/byte_stream.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <new>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>

#include "queue/bytes_left.hpp"
#include "support/build_kind.hpp"
#include "support/catch.hpp"
#include "support/error_of.hpp"
#include "support/probes.hpp"
#include "support/syscall_fault.hpp"
#include "tandem/core.hpp"
#include "tandem/execution/process.hpp"
#include "tandem/execution/thread.hpp"
#include "tandem/memory/shared.hpp"
#include "tandem/sync/stop_token.hpp"

using namespace std::chrono_literals;
using tandem::byte_stream, tandem::shared;
using tandem_test::error_of, tandem_test::processes, tandem_test::require, tandem_test::threads,
    tandem_test::bytes_left;

namespace {

/// All that is there at once.
std::string_view text_of(std::span<std::byte const> bytes) {
  return {reinterpret_cast<char const*>(bytes.data()), bytes.size()};
}

/// The n-th byte of a long stream.
constexpr std::byte letter(std::uint64_t n) { return static_cast<std::byte>(n * 0x9e3779b97f4a7c15U >> 56); }

}  // namespace

TEST_CASE("byte_stream: what is written is read, in order, in parts of any size", "[queue][byte_stream]") {
  byte_stream stream(10);
  CHECK(stream.capacity() == 16);
  STATIC_REQUIRE(tandem::shareable<byte_stream>);
  CHECK(stream.write_some("") == 0);
  CHECK(stream.write_some("0123456789") == 10);
  CHECK(stream.write_some("abcdefghij") == 6);
  CHECK(stream.try_write_some(std::as_bytes(std::span("k", 1))) == 0);
  std::array<char, 4> four{};
  CHECK(stream.read_some(four) == 4);
  CHECK(std::string_view(four.data(), 4) == "0123");
  CHECK(stream.write_some("KLMNOPQ") == 4);  // round the end
  CHECK(bytes_left(stream) == "456789abcdefKLMN");
  CHECK(stream.read_some(std::span<char>()) == 0);
  CHECK_FALSE(stream.at_end());
  for (std::size_t size = 1; size <= 16; ++size) {
    std::string const text(size, static_cast<char>('a' + size));
    CHECK(stream.write(text) == size);
    CHECK(bytes_left(stream) == text);
  }
}

TEST_CASE("byte_stream: in place, as far as the end of the ring", "[queue][byte_stream]") {
  byte_stream stream(16);
  auto const room = stream.reserve();
  CHECK(room.size() == 16);
  CHECK(stream.reserve(5).size() == 5);
  CHECK(stream.reserve(0).empty());
  std::memcpy(room.data(), "0123456789", 10);
  CHECK(bytes_left(stream).empty());  // nobody sees it yet
  stream.commit(4);
  CHECK(text_of(stream.peek()) == "0123");
  CHECK(text_of(stream.peek()) == "0123");  // nor is it gone yet
  stream.commit(0);
  stream.commit(6);
  stream.consume(2);
  CHECK(text_of(stream.peek(3)) == "234");
  CHECK(stream.peek(0).empty());
  stream.consume(8);
  CHECK(stream.reserve().data() == room.data() + 10);
  CHECK(stream.reserve().size() == 6);
  CHECK(stream.write("abcdefgh") == 8);
  CHECK(text_of(stream.peek()) == "abcdef");
  stream.consume(6);
  CHECK(text_of(stream.peek()) == "gh");
  stream.consume(2);
  CHECK(stream.reserve(16, tandem::deadline::after(-1s)).data() == room.data() + 2);
  CHECK(stream.peek(16, tandem::deadline::after(-1s)).empty());
}

TEST_CASE("byte_stream: closed, the reader gets the rest and then the end; the writer is told",
          "[queue][byte_stream][errors]") {
  byte_stream stream(16);
  CHECK(stream.write("the rest") == 8);
  stream.close();
  stream.close();
  CHECK(stream.is_closed());
  CHECK(error_of([&] { stream.write("more"); }) == EPIPE);
  CHECK(error_of([&] { stream.try_write_some(std::as_bytes(std::span("m", 1))); }) == EPIPE);
  CHECK(error_of([&] { static_cast<void>(stream.reserve()); }) == EPIPE);
  CHECK_THROWS_WITH(stream.write("more"), tandem_test::ContainsSubstring("closed"));
  CHECK(stream.write("") == 0);
  CHECK_FALSE(stream.at_end());
  std::array<char, 20> room{};
  CHECK(stream.read(room) == 8);
  CHECK(stream.at_end());
  CHECK(stream.read(room) == 0);
  CHECK(stream.read_some(room) == 0);
  CHECK(stream.peek().empty());
}

TEST_CASE("byte_stream: to close it wakes those who wait on both sides", "[queue][byte_stream]") {
  byte_stream empty(1), full(1);
  full.write("x");
  threads::spawn_and_join(
      2,
      [&](int number) {
        std::array<char, 1> room{};
        if (number == 0) {
          require(empty.read_some(room) == 0, "there was something");
          require(empty.at_end(), "it was not the end");
        } else {
          require(tandem_test::code_of([&] { full.write("y"); }) == EPIPE, "there was room");
        }
      },
      [&] {
        empty.close();
        full.close();
      });
}

TEST_CASE("byte_stream: deadlines and stops end a wait, and nothing is lost", "[queue][byte_stream]") {
  byte_stream stream(4);
  std::array<char, 8> room{};
  auto const soon = [] { return tandem::deadline::after(1ms); };
  CHECK(stream.read_some(room, soon()) == 0);
  CHECK(stream.read(room, tandem::deadline::after(-1s)) == 0);
  CHECK(stream.peek(1, soon()).empty());
  CHECK_FALSE(stream.at_end());
  CHECK(stream.write("abcdef", soon()) == 4);
  CHECK(stream.write_some("ef", soon()) == 0);
  CHECK(stream.reserve(1, soon()).empty());
  tandem::stop_source stop;
  std::atomic<std::size_t> written{99}, got{99};
  std::thread waits([&] { written = stream.write("ef", tandem::deadline::never(), stop.get_token()); });
  std::thread other([&] {
    byte_stream nothing(1);
    std::array<char, 1> byte{};
    got = nothing.read(byte, tandem::deadline::never(), stop.get_token());
  });
  stop.request_stop();
  waits.join();
  other.join();
  CHECK(written == 0);
  CHECK(got == 0);
  CHECK(stream.read(room, soon()) == 4);
  CHECK(std::string_view(room.data(), 4) == "abcd");
}

TEST_CASE("byte_stream: bad capacities are refused by name", "[queue][byte_stream][errors]") {
  CHECK_THROWS_WITH(byte_stream(0), tandem_test::ContainsSubstring("capacity"));
  CHECK_THROWS_AS(byte_stream(-1), std::invalid_argument);
  CHECK_THROWS_AS(byte_stream(std::uint64_t{1} << 41), std::invalid_argument);
  CHECK_THROWS_AS(byte_stream(std::uint64_t{1} << 40), std::bad_alloc);
}

TEST_CASE("byte_stream: sleepers that may not fence others go on", "[queue][byte_stream][errors]") {
  CHECK(tandem_test::run_with_fault(tandem_test::faults_from_string("membarrier=EPERM"), [] {
          byte_stream there(1), back(1);
          std::thread other([&] {
            std::array<char, 1> byte{};
            while (there.read(byte) != 0) back.write(std::string_view(byte.data(), 1));
          });
          std::array<char, 1> byte{};
          for (int i = 0; i < 1000; ++i) {
            there.write(std::string(1, static_cast<char>(i)));
            if (i % 100 == 0) std::this_thread::sleep_for(1ms);  // both are asleep
            CHECK(back.read(byte) == 1);
            CHECK(byte[0] == static_cast<char>(i));
          }
          there.close();
          other.join();
        }).passed());
}

TEMPLATE_TEST_CASE("byte_stream: across units, copied and in place", "[queue][byte_stream]", threads, processes) {
  auto const many =
      static_cast<std::uint64_t>(tandem_test::repetitions(tandem_test::sanitized ? 200'000 : 1'500'000, 1'000'000'000));
  auto const capacity = GENERATE(1, 64, 65536);
  auto const in_place = GENERATE(false, true);
  std::uint64_t const bytes = capacity == 1 ? many / 50 : many;
  shared<byte_stream> stream(capacity);
  TestType::spawn_and_join(2, [&](int side) {
    std::minstd_rand random(static_cast<unsigned>(side));
    std::array<std::byte, 1000> room{};
    for (std::uint64_t at = 0; side == 0; stream->close()) {
      while (at < bytes) {
        auto const most = static_cast<std::size_t>(std::min<std::uint64_t>(random() % 1000 + 1, bytes - at));
        auto const here = in_place ? stream->reserve(most) : std::span(room).first(most);
        for (std::size_t i = 0; i < here.size(); ++i) here[i] = letter(at + i);
        if (in_place)
          stream->commit(here.size());
        else
          require(stream->write(here) == most, "it was cut");
        at += here.size();
      }
      return stream->close();
    }
    std::uint64_t at = 0;
    for (;;) {
      auto const most = std::size_t{random() % 1000 + 1};
      std::span<std::byte const> here;
      if (in_place)
        here = stream->peek(most);
      else
        here = std::span(room).first(stream->read_some(std::span(room).first(most)));
      if (here.empty()) break;
      for (std::size_t i = 0; i < here.size(); ++i) require(here[i] == letter(at + i), "another byte");
      if (in_place) stream->consume(here.size());
      at += here.size();
    }
    require(at == bytes, "some are lost");
    require(stream->at_end(), "it was not the end");
  });
}
