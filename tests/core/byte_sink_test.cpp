// SPDX-License-Identifier: BSL-1.0
#include "tandem/core/byte_sink.hpp"

#include <array>
#include <cstddef>
#include <system_error>
#include <utility>

#include "support/catch.hpp"
#include "tandem/core/writer.hpp"

using tandem::byte_buffer, tandem::fixed_bytes, tandem::writer;

TEST_CASE("byte_buffer: grows and keeps what was written", "[core][byte_sink]") {
  byte_buffer buffer;
  writer to{buffer};
  for (unsigned i = 0; i != 10'000; ++i) to.write_flat(i);
  REQUIRE(to.size() == 40'000);
  CHECK(buffer.capacity >= to.size());
  for (unsigned i = 0; i != 10'000; ++i) {
    unsigned read;
    std::memcpy(&read, buffer.first(to.size()).data() + 4 * i, 4);
    if (read != i) FAIL("element " << i << " is " << read);
  }
}

TEST_CASE("byte_buffer: allocates nothing until it is written to, and grows at once for a large piece",
          "[core][byte_sink]") {
  byte_buffer buffer;
  CHECK(buffer.data == nullptr);
  writer to{buffer};
  to.write(nullptr, 0);
  CHECK(buffer.data == nullptr);
  std::array<std::byte, 5000> const large{};
  to.write(large.data(), large.size());
  CHECK(buffer.capacity >= 5000);
}

TEST_CASE("byte_buffer: moves with its bytes", "[core][byte_sink]") {
  byte_buffer first;
  writer{first}.write_flat('x');
  byte_buffer second{std::move(first)};
  CHECK(second.first(1)[0] == std::byte{'x'});
  byte_buffer third;
  third = std::move(second);
  CHECK(third.first(1)[0] == std::byte{'x'});
  writer again{third};  // still grows
  for (int i = 0; i != 1000; ++i) again.write_flat(i);
  CHECK(again.size() == 4000);
}

TEST_CASE("fixed_bytes: takes what fits, and refuses the rest whole", "[core][byte_sink]") {
  std::array<std::byte, 10> room{};
  fixed_bytes sink{room};
  writer to{sink};
  to.write_flat(1.0);
  try {
    to.write_flat(4);
    FAIL("it fitted");
  } catch (std::system_error const& error) { CHECK(error.code() == std::errc::no_buffer_space); }
  CHECK(to.size() == 8);
  to.write_flat('a');
  to.write_flat('b');
  CHECK(room[9] == std::byte{'b'});
}
