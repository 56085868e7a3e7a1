// SPDX-License-Identifier: BSL-1.0
#include "tandem/resource/pipe.hpp"

#include <array>
#include <csignal>
#include <system_error>
#include <thread>
#include <type_traits>
#include <vector>

#include "os/probes.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"
#include "tandem/core/byte_sink.hpp"
#include "tandem/core/transferable.hpp"

using namespace tandem_test;

static_assert(std::is_nothrow_move_constructible_v<tandem::pipe> && !std::is_copy_constructible_v<tandem::pipe>);
static_assert(tandem::transferable<tandem::pipe> && tandem::may_carry_descriptors<tandem::pipe>);

TEST_CASE("pipe: bytes come out in order, then the end", "[resource][pipe]") {
  tandem::pipe p;
  CHECK(close_on_exec(p.read_end.get()));
  CHECK(close_on_exec(p.write_end.get()));
  p.write_end.write("one ");
  p.write_end.write("two");
  p.write_end.reset();
  CHECK(p.read_end.read_all() == "one two");
}

TEST_CASE("pipe: it joins processes", "[resource][pipe]") {
  tandem::pipe p;
  child_process child{[&] {
    p.read_end.reset();
    p.write_end.write("from the child");
  }};
  p.write_end.reset();
  CHECK(p.read_end.read_all() == "from the child");
  CHECK(child.join().passed());
}

TEST_CASE("pipe: it joins threads", "[resource][pipe]") {
  tandem::pipe p;
  std::thread writer{[out = std::move(p.write_end)] { out.write("from the thread"); }};
  CHECK(p.read_end.read_all() == "from the thread");
  writer.join();
}

TEST_CASE("pipe: the end comes with a killed writer too", "[resource][pipe]") {
  tandem::pipe p;
  child_process child{[&] {
    p.write_end.write("last words");
    ::kill(::getpid(), SIGKILL);
  }};
  p.write_end.reset();
  CHECK(p.read_end.read_all() == "last words");
  CHECK(child.join().signal == SIGKILL);
}

TEST_CASE("pipe: its ends move away one by one, and it moves as a whole", "[resource][pipe]") {
  tandem::pipe p;
  tandem::fd const out = std::move(p.write_end);
  CHECK_FALSE(p.write_end);
  tandem::pipe q{std::move(p)};
  CHECK_FALSE(p.read_end);
  CHECK(q.read_end);
  q = tandem::pipe{};
  CHECK_THROWS_AS(out.write("x"), std::system_error);  // the old read end is closed
  tandem::pipe const put_together{tandem::fd{}, q.write_end.dup()};
  CHECK_FALSE(put_together.read_end);
  CHECK(put_together.write_end);
}

TEST_CASE("pipe: capacity says how much it holds, whichever end is left", "[resource][pipe]") {
  tandem::pipe p;
  auto const capacity = p.capacity();
  CHECK(capacity >= 4096);
  REQUIRE(::fcntl(p.write_end.get(), F_SETFL, O_NONBLOCK) == 0);
  CHECK(p.write_end.write_some(std::vector<std::byte>(2 * capacity)) == capacity);
  p.write_end.reset();
  CHECK(p.capacity() == capacity);
  p.read_end.reset();
  CHECK_THROWS_WITH(p.capacity(), ContainsSubstring("tandem: ask for a pipe's capacity"));
}

TEST_CASE("pipe: no room for two descriptors is EMFILE, and none is kept", "[resource][pipe]") {
  int const room = GENERATE(0, 1);
  CHECK(run_in_child([&] {
          try {
            descriptor_limit const few{room};
            tandem::pipe p;
            FAIL("made one");
          } catch (std::system_error const& error) { CHECK(error.code() == std::errc::too_many_files_open); }
          descriptor_limit const few{room};
          int const spare = ::dup(0);
          CHECK((spare >= 0) == (room == 1));
        }).passed());
}

TEST_CASE("pipe: both ends survive the codec", "[resource][pipe][codec]") {
  tandem::pipe p;
  bool const half = GENERATE(false, true);
  if (half) p.write_end.reset();
  tandem::byte_buffer buffer;
  tandem::writer to{buffer};
  tandem::encode(to, p);
  std::vector<int> descriptors;
  for (int const one : to.descriptors()) descriptors.push_back(::dup(one));
  auto const received = tandem::decode<tandem::pipe>(to.bytes(), descriptors);
  CHECK(received.read_end);
  CHECK(static_cast<bool>(received.write_end) == !half);
  if (!half) {
    p.write_end.write("x");
    std::array<char, 1> text{};
    CHECK(received.read_end.read(text) == 1);
  }
}
