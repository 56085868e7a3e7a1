// SPDX-License-Identifier: BSL-1.0
#include "tandem/execution/impl/options_codec.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <string>
#include <vector>

#include "core/round_trip.hpp"
#include "execution/kinds.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"
#include "tandem/resource/pipe.hpp"

using namespace std::chrono_literals;
using tandem::fd, tandem::options, tandem::scheduling, tandem::stdio;

namespace {

/// As they arrive: with duplicates of the descriptors, as a transport makes them.
struct arrived {
  std::vector<std::byte> bytes;
  std::vector<int> numbers;

  explicit arrived(options const& how) {
    tandem::byte_buffer buffer;
    tandem::writer to(buffer);
    tandem::impl::encode_options(to, how);
    bytes.assign(to.bytes().begin(), to.bytes().end());
    for (int const one : to.descriptors()) numbers.push_back(tandem::os::duplicate(one));
  }
  ~arrived() {
    for (int const one : numbers) {
      if (one >= 0) ::close(one);
    }
  }
  options decode() {
    tandem::reader from(bytes, numbers);
    auto how = tandem::impl::decode_options(from);
    from.finish();
    return how;
  }
};

}  // namespace

TEST_CASE("options_codec: every member arrives but start", "[execution][options]") {
  options const sent{.name = "n",
                     .cpus = {1, 70},
                     .nice = -3,
                     .policy = scheduling::fifo(8),
                     .stack_size = 1'000'000,
                     .start = tandem::start::exec,
                     .lost_writes = tandem::lost_writes::fail,
                     .die_with_parent = false,
                     .adopt_orphans = true,
                     .terminal_signals = tandem::terminal_signals::keep,
                     .report_crash = true,
                     .timeout = 5s,
                     .inherit = tandem::inherit::all,
                     .err = stdio::merge(),
                     .environment = std::vector<std::string>{"A=1", "B="},
                     .directory = "/tmp"};
  auto const got = arrived(sent).decode();
  CHECK(got.name == sent.name);
  CHECK(got.cpus == sent.cpus);
  CHECK(got.nice == sent.nice);
  CHECK(got.policy == sent.policy);
  CHECK(got.stack_size == sent.stack_size);
  CHECK(got.lost_writes == sent.lost_writes);
  CHECK(got.die_with_parent == sent.die_with_parent);
  CHECK(got.adopt_orphans == sent.adopt_orphans);
  CHECK(got.terminal_signals == sent.terminal_signals);
  CHECK(got.report_crash == sent.report_crash);
  CHECK(got.timeout == sent.timeout);
  CHECK(got.inherit == sent.inherit);
  CHECK(got.in == sent.in);
  CHECK(got.err == sent.err);
  CHECK(got.environment == sent.environment);
  CHECK(got.directory == sent.directory);
  CHECK(got.keep.empty());
}

TEST_CASE("options_codec: what is not set arrives so, and inherit as the start method has it", "[execution][options]") {
  auto const got = arrived(options{.start = tandem::start::exec}).decode();
  CHECK_FALSE(got.nice.has_value());
  CHECK_FALSE(got.environment.has_value());
  CHECK(got.policy == scheduling::inherit);
  CHECK(got.out.is_inherited());
  CHECK(got.inherit == tandem::inherit::declared);
  CHECK(arrived(options{}).decode().inherit == tandem::inherit::all);
}

TEST_CASE("options_codec: streams arrive as descriptors for the same open files", "[execution][options]") {
  tandem::pipe in, out;
  auto const got =
      arrived(options{.in = std::move(in.read_end), .out = std::move(out.write_end), .err = stdio::null()}).decode();
  in.write_end.write("x");
  char byte = 0;
  CHECK(got.in.descriptor().read(std::span(&byte, 1)) == 1);
  got.out.descriptor().write("y");
  CHECK(out.read_end.read(std::span(&byte, 1)) == 1);
  CHECK(byte == 'y');
  CHECK(got.err.descriptor());
}

TEST_CASE("options_codec: what is kept arrives under its numbers, whatever has them meanwhile",
          "[execution][options]") {
  auto const result = tandem_test::run_in_child([] {  // which loses the library's own numbers
    tandem::impl::members::self();
    tandem::pipe first, second, other;
    int const commons = tandem::impl::family().descriptor;
    int const a = first.read_end.get(), b = second.read_end.get();
    options sent{.out = std::move(other.write_end)};
    sent.keep.push_back(std::move(first.read_end));
    sent.keep.push_back(std::move(second.read_end));
    arrived message(sent);
    // One is to get the number of the commons' memory file, the other that of a descriptor still on its way.
    REQUIRE(message.numbers.size() == 3);
    sent.keep.clear();
    sent.out = stdio();
    int const busy = message.numbers[2];
    std::memcpy(message.bytes.data() + sizeof(std::uint64_t), &commons, sizeof commons);
    std::memcpy(message.bytes.data() + sizeof(std::uint64_t) + sizeof(int) + sizeof(std::uint32_t), &busy, sizeof busy);
    auto const got = message.decode();
    CHECK(a != b);
    CHECK(got.keep[0].get() == commons);
    CHECK(got.keep[1].get() == busy);
    first.write_end.write("1");
    second.write_end.write("2");
    char byte = 0;
    CHECK(got.keep[0].read(std::span(&byte, 1)) == 1);
    CHECK(byte == '1');
    CHECK(got.keep[1].read(std::span(&byte, 1)) == 1);
    CHECK(byte == '2');
    got.out.descriptor().write("o");
    CHECK(other.read_end.read(std::span(&byte, 1)) == 1);
    CHECK(tandem::impl::family().descriptor != commons);
    CHECK(tandem::os::is_open(tandem::impl::family().descriptor));
  });
  INFO(result.to_string());
  CHECK(result.passed());
}

TEST_CASE("options_codec: hostile bytes are refused", "[execution][options]") {
  auto message =
      arrived(options{.name = "n", .policy = scheduling::fifo(8), .environment = std::vector<std::string>{}});
  for (std::size_t size = 0; size != message.bytes.size(); ++size) {
    std::vector<std::byte> const part(message.bytes.begin(), message.bytes.begin() + static_cast<std::ptrdiff_t>(size));
    CHECK(tandem_test::is_bad_message([&] {
      tandem::reader from(part);
      static_cast<void>(tandem::impl::decode_options(from));
    }));
  }
  CHECK(tandem_test::is_bad_message([] {
    arrived one(options{.policy = scheduling::fifo(8)});
    // keep, name, cpus: a size each, and nothing of an optional; then the policy
    int const none = 77;
    std::memcpy(one.bytes.data() + 25, &none, sizeof none);
    one.decode();
  }));
}
