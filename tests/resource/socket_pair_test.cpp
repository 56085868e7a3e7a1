// SPDX-License-Identifier: BSL-1.0
#include "tandem/resource/socket_pair.hpp"

#include <array>
#include <csignal>
#include <string>
#include <system_error>
#include <type_traits>
#include <vector>

#include "os/probes.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"
#include "tandem/core/byte_sink.hpp"
#include "tandem/core/transferable.hpp"

using namespace tandem_test;
using tandem::socket_kind;

static_assert(std::is_nothrow_move_constructible_v<tandem::socket_pair>);
static_assert(!std::is_convertible_v<socket_kind, tandem::socket_pair>);
static_assert(tandem::transferable<tandem::socket_pair> && tandem::may_carry_descriptors<tandem::socket_pair>);

namespace {

std::string read_once(tandem::fd const& from) {
  std::array<char, 16> text{};
  return std::string{text.data(), from.read(text)};
}

}  // namespace

TEST_CASE("socket_pair: it carries both ways, and is close-on-exec", "[resource][socket_pair]") {
  auto const kind = GENERATE(socket_kind::stream, socket_kind::messages);
  tandem::socket_pair pair{kind};
  CHECK(close_on_exec(pair.first.get()));
  CHECK(close_on_exec(pair.second.get()));
  pair.first.write("there");
  pair.second.write("back");
  CHECK(read_once(pair.second) == "there");
  CHECK(read_once(pair.first) == "back");
}

TEST_CASE("socket_pair: messages stay apart, a stream does not keep them", "[resource][socket_pair]") {
  tandem::socket_pair stream;
  tandem::socket_pair messages{socket_kind::messages};
  for (auto* const pair : {&stream, &messages}) {
    pair->first.write("one");
    pair->first.write("two");
  }
  CHECK(read_once(stream.second) == "onetwo");
  CHECK(read_once(messages.second) == "one");
  CHECK(read_once(messages.second) == "two");
  messages.first.write("longer than there is room for");
  CHECK(read_once(messages.second) == "longer than ther");
  messages.first.write("next");
  CHECK(read_once(messages.second) == "next");
}

TEST_CASE("socket_pair: the end comes after all that was sent, by a close or a kill", "[resource][socket_pair]") {
  auto const kind = GENERATE(socket_kind::stream, socket_kind::messages);
  tandem::socket_pair pair{kind};
  child_process child{[&] {
    pair.second.write("last words");
    ::kill(::getpid(), SIGKILL);
  }};
  pair.second.reset();
  CHECK(pair.first.read_all() == "last words");
  CHECK(child.join().signal == SIGKILL);
}

TEST_CASE("socket_pair: what the dead left unread is told once, and nothing it sent is lost",
          "[resource][socket_pair]") {
  auto const kind = GENERATE(socket_kind::stream, socket_kind::messages);
  tandem::socket_pair pair{kind};
  pair.first.write("unread");
  pair.second.write("sent");
  pair.second.reset();
  std::string received;
  int resets = 0;
  for (int i = 0; i < 3; ++i) {
    try {
      received += read_once(pair.first);
    } catch (std::system_error const& error) {
      CHECK(error.code() == std::errc::connection_reset);
      ++resets;
    }
  }
  CHECK(received == "sent");
  CHECK(resets == 1);
}

TEST_CASE("socket_pair: writing to a closed one throws EPIPE, without SIGPIPE", "[resource][socket_pair][sigpipe]") {
  auto const kind = GENERATE(socket_kind::stream, socket_kind::messages);
  CHECK(run_in_child([&] {
          ::signal(SIGPIPE, SIG_DFL);
          tandem::socket_pair pair{kind};
          pair.second.reset();
          CHECK_THROWS_AS(pair.first.write("x"), std::system_error);
        }).passed());
}

TEST_CASE("socket_pair: no room for two descriptors is EMFILE", "[resource][socket_pair]") {
  CHECK(run_in_child([] {
          try {
            descriptor_limit const few{1};
            tandem::socket_pair pair;
            FAIL("made one");
          } catch (std::system_error const& error) { CHECK(error.code() == std::errc::too_many_files_open); }
        }).passed());
}

TEST_CASE("socket_pair: both ends survive the codec", "[resource][socket_pair][codec]") {
  tandem::socket_pair pair;
  tandem::byte_buffer buffer;
  tandem::writer to{buffer};
  tandem::encode(to, pair);
  std::vector<int> descriptors;
  for (int const one : to.descriptors()) descriptors.push_back(::dup(one));
  auto const received = tandem::decode<tandem::socket_pair>(to.bytes(), descriptors);
  pair.first.write("x");
  CHECK(read_once(received.second) == "x");
  received.second.write("y");
  CHECK(read_once(received.first) == "y");
}
