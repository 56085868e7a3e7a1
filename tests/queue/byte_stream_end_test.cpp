// SPDX-License-Identifier: BSL-1.0
// The ends of a byte_stream, and what dies, or scribbles, at the other one.

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <new>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "queue/bytes_left.hpp"
#include "support/build_kind.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/error_of.hpp"
#include "support/place.hpp"
#include "support/seed.hpp"
#include "tandem/core.hpp"
#include "tandem/execution/process.hpp"
#include "tandem/execution/thread.hpp"
#include "tandem/memory/shared.hpp"
#include "tandem/os/clock.hpp"
#include "tandem/queue/bounded_queue.hpp"
#include "tandem/queue/byte_stream.hpp"
#include "tandem/sync/wait.hpp"

using namespace std::chrono_literals;
using tandem::byte_stream, tandem::shared;
using tandem_test::error_of, tandem_test::place, tandem_test::bytes_left;

namespace {

/// All that is there at once.
}  // namespace

TEMPLATE_TEST_CASE("byte_stream: its ends, in units of either kind", "[queue][byte_stream]",
                   tandem::thread<std::string>, tandem::process<std::string>) {
  shared<byte_stream> stream(8);
  std::string text;
  for (int i = 0; i < 1000; ++i) text += std::to_string(i);
  TestType writer(
      [](auto out, std::string all) {
        out.write(all);
        return std::string();
      },
      stream->producer(), text);
  TestType reader(
      [](auto in) {
        std::string got;
        std::array<char, 13> room{};
        while (auto const n = in.read_some(room)) got.append(room.data(), n);
        return in.at_end() ? got : std::string();
      },
      stream->consumer());
  CHECK(writer.join().has_value());
  CHECK(reader.join().value() == text);
}

TEST_CASE("byte_stream: the last writer's end is the stream's, the last reader's the writer's EPIPE",
          "[queue][byte_stream]") {
  shared<byte_stream> stream(4);
  std::optional out = stream->producer();
  std::optional in = stream->consumer();
  CHECK(out->capacity() == 4);
  std::optional other = out;
  CHECK(out->write("ab") == 2);
  out.reset();
  CHECK_FALSE(in->is_closed());
  SECTION("the writer") {
    other.reset();
    CHECK(in->is_closed());
    std::array<char, 4> room{};
    CHECK(in->read(room) == 2);
    CHECK(in->at_end());
  }
  SECTION("the reader") {
    auto last = std::move(*in);
    CHECK_FALSE(*in);
    CHECK(other->write("cd") == 2);
    std::thread lets_go([mine = std::move(last)] { std::this_thread::yield(); });
    CHECK(error_of([&] { other->write("ef"); }) == EPIPE);
    lets_go.join();
    CHECK_THROWS_WITH(other->write("ef"), tandem_test::ContainsSubstring("its reader is gone"));
    CHECK_FALSE(stream->is_closed());
  }
}

TEST_CASE("byte_stream: a dead side is no reason to wait", "[queue][byte_stream][death]") {
  shared<byte_stream> stream(4);
  auto& there = place<std::atomic<bool>>(false);
  bool const works = GENERATE(true, false);
  std::array<char, 8> room{};
  SECTION("the writer") {
    tandem::process victim(
        [&there, works](auto out) {
          if (works) out.write("abc");
          there = true;
          for (;;) ::pause();
        },
        stream->producer());
    while (!there) std::this_thread::yield();
    std::thread kills([&] { victim.kill(SIGKILL); });
    CHECK(stream->read(room) == (works ? 3U : 0U));
    CHECK(stream->at_end());
    kills.join();
    CHECK_FALSE(victim.join().has_value());
  }
  SECTION("the reader") {
    tandem::process victim(
        [&there, works](auto in) {
          std::array<char, 1> byte{};
          if (works) in.read(byte);
          there = true;
          for (;;) ::pause();
        },
        stream->consumer());
    CHECK(stream->write("abcd") == 4);
    while (!there) std::this_thread::yield();
    std::thread kills([&] { victim.kill(SIGKILL); });
    CHECK(error_of([&] { stream->write("efghi"); }) == EPIPE);
    kills.join();
    CHECK_FALSE(victim.join().has_value());
  }
}

TEST_CASE("byte_stream: its ends are waited for beside others", "[queue][byte_stream][wait]") {
  shared<byte_stream> stream(4), others(4);
  auto in = stream->consumer(), other = others->consumer();
  auto out = stream->producer();
  using tandem::wait_any;
  std::array<char, 4> room{};
  CHECK(wait_any(0s, in, other) == std::nullopt);
  CHECK(wait_any(1ms, in, other) == std::nullopt);
  CHECK(wait_any(in, out) == 1);
  CHECK(out.write("abcd") == 4);
  CHECK(wait_any(other, in) == 1);
  CHECK(out.write_some("e", tandem::deadline::after(-1s)) == 0);
  CHECK(wait_any(0s, out, other) == std::nullopt);
  CHECK(in.read(room) == 4);
  CHECK(in.read_some(room, tandem::deadline::after(-1s)) == 0);
  CHECK(wait_any(0s, other, in) == std::nullopt);
  CHECK(wait_any(in, out) == 1);
  std::thread writes([&] { others->write("f"); });
  CHECK(wait_any(in, other) == 1);
  writes.join();
  CHECK(other.read_some(room) == 1);
  CHECK(other.peek(1, tandem::deadline::after(-1s)).empty());
  CHECK(wait_any(0s, in, other) == std::nullopt);
  others->close();
  CHECK(wait_any(in, other) == 1);
  CHECK(wait_any(0s, other) == 0);
  other = stream->consumer();
  CHECK(wait_any(0s, in, other) == std::nullopt);
}

TEST_CASE("byte_stream: its ends travel as results, and in queues, and keep it", "[queue][byte_stream]") {
  shared<tandem::bounded_queue<tandem::byte_stream_writer>> ends(4);
  auto [in, out] = [&] {
    shared<byte_stream> stream(4);
    tandem::process unit(
        [ends](auto mine) {
          mine.write("a");
          ends->push(mine);
          return mine;
        },
        stream->producer());
    auto back = std::move(unit).join().value();
    CHECK(back.write("b") == 1);
    return std::pair(stream->consumer(), ends->pop().value());
  }();
  CHECK(out.write("c") == 1);
  CHECK(bytes_left(in) == "abc");
  CHECK_FALSE(in.is_closed());
}

TEST_CASE("byte_stream: bytes that are no end", "[queue][byte_stream][errors]") {
  shared<byte_stream> stream(4);
  auto const end = stream->producer();
  tandem::byte_buffer buffer;
  tandem::writer to(buffer);
  tandem::encode(to, end);
  std::vector<std::byte> const whole(to.bytes().begin(), to.bytes().end());
  CHECK(tandem::decode<tandem::byte_stream_writer>(whole).write("a") == 1);
  for (std::size_t i = 0; i < whole.size(); ++i) {
    auto broken = whole;
    broken[i] ^= std::byte{0x55};
    try {
      static_cast<void>(tandem::decode<tandem::byte_stream_writer>(broken));
    } catch (std::system_error const& error) { CHECK(error.code() == std::errc::bad_message); }
  }
}

TEST_CASE("byte_stream: counters that cannot be are an error", "[queue][byte_stream][errors]") {
  shared<byte_stream> stream(4);
  auto in = stream->consumer();
  auto out = stream->producer();
  std::array<char, 4> room{};
  auto const scribble = [&](int value) { std::memset(static_cast<void*>(stream.get()), value, sizeof(byte_stream)); };
  std::array<std::byte, sizeof(byte_stream)> before;
  std::memcpy(before.data(), static_cast<void const*>(stream.get()), before.size());
  scribble(0x10);
  CHECK(error_of([&] { static_cast<void>(stream->producer()); }) == EBADMSG);
  std::memcpy(static_cast<void*>(stream.get()), before.data(), before.size());
  // The count of what was written lies on the last line but one: now it is further ahead than there is room for.
  reinterpret_cast<std::byte*>(stream.get())[sizeof(byte_stream) - 128] = std::byte{77};
  CHECK(error_of([&] { in.read_some(room); }) == EBADMSG);
  CHECK(error_of([&] { out.write("a"); }) == EBADMSG);
  CHECK(error_of([&] { in.try_read_some(std::as_writable_bytes(std::span(room))); }) == EBADMSG);
  std::memcpy(static_cast<void*>(stream.get()), before.data(), before.size());
  CHECK(out.write("a") == 1);
  CHECK(in.read_some(room) == 1);
}

TEST_CASE("byte_stream: somebody scribbles over all of it, and its ends keep to their bytes and their deadlines",
          "[queue][byte_stream][scribbler]") {
  auto const seed = tandem_test::test_seed();
  INFO("TANDEM_TEST_SEED=" << seed);
  constexpr std::size_t capacity = 4096;
  std::optional<shared<byte_stream>> stream(std::in_place, capacity);
  auto& scribbled = place<std::atomic<long>>(0L);
  {
    auto out = (*stream)->producer();
    auto in = (*stream)->consumer();
    auto const all = out.reserve();
    REQUIRE(all.size() == capacity);
    tandem_test::child_process scribbler([&, raw = reinterpret_cast<std::uint8_t*>(stream->get())] {
      std::mt19937_64 random(seed);
      for (;; ++scribbled) {
        // Zeros are a stream that is open and empty: there the ends go on, to meet what comes next.
        bool const wild = random() % 8 == 0;
        for (std::size_t i = 0; i < sizeof(byte_stream); ++i) raw[i] = static_cast<std::uint8_t>(wild ? random() : 0);
        for (int few = 0; few < 8; ++few) {
          raw[random() % sizeof(byte_stream)] = static_cast<std::uint8_t>(random());
          raw[sizeof(byte_stream) - 128 + random() % 2 * 64 + random() % 2] = static_cast<std::uint8_t>(random());
          all[random() % capacity] = static_cast<std::byte>(random());
        }
      }
    });
    auto const lies_inside = [&](std::span<std::byte const> part) {
      return part.empty() || (part.data() >= all.data() && part.data() + part.size() <= all.data() + all.size());
    };
    std::vector<std::byte> room(2 * capacity);
    std::int64_t longest = 0;
    std::size_t moved = 0;
    int errors = 0;
    long const rounds = tandem_test::repetitions(30'000, 10'000'000);
    for (long i = 0; i < rounds || moved == 0 || errors == 0; ++i) {
      if (i % 64 == 0) std::this_thread::yield();
      auto const begin = tandem::os::monotonic_ns();
      auto const soon = tandem::deadline::after(100us);
      try {
        switch (i % 6) {
          case 0:
            moved += out.write_some(room, soon);
            break;
          case 1:
            moved += in.read_some(room, soon);
            break;
          case 2: {
            auto const part = out.reserve(capacity, soon);
            REQUIRE(lies_inside(part));
            std::fill(part.begin(), part.end(), std::byte{1});
            out.commit(part.size());
            break;
          }
          case 3: {
            auto const part = in.peek(capacity, soon);
            REQUIRE(lies_inside(part));
            in.consume(part.size());
            break;
          }
          case 4:
            static_cast<void>(in.at_end() || in.is_closed() || out.capacity() == 0);
            static_cast<void>(out.try_write_some(room));
            static_cast<void>(tandem::wait_any(100us, in, out));
            break;
          default:
            static_cast<void>((*stream)->producer());  // one more, if it is one
        }
      } catch (std::exception const&) { ++errors; }  // std::bad_alloc: of a seat
      longest = std::max(longest, tandem::os::monotonic_ns() - begin);
    }
    CHECK(scribbled > 0);
    CHECK(longest < 20'000'000'000);
    CHECK(scribbler.kill().signal == SIGKILL);
  }
  std::memset(static_cast<void*>(stream->get()), 0x5a, sizeof(byte_stream));  // which says that its bytes are nowhere
  stream.reset();
}
