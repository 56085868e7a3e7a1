// SPDX-License-Identifier: BSL-1.0
#include "tandem/core/writer.hpp"

#include <cstdint>
#include <list>
#include <new>
#include <stdexcept>

#include "support/catch.hpp"
#include "tandem/core/reader.hpp"

using tandem::byte_buffer, tandem::byte_sink, tandem::reader, tandem::writer;

TEST_CASE("writer: bytes come in the order they were written", "[core][writer]") {
  byte_buffer buffer;
  writer to{buffer};
  to.write_flat('a');
  to.write_size(7);
  to.write("xyz", 3);
  REQUIRE(to.size() == 12);
  reader from{to.bytes()};
  CHECK(from.read_flat<char>() == 'a');
  CHECK(from.read_flat<std::uint64_t>() == 7);
  char text[3];
  from.read(text, 3);
  CHECK(std::string_view(text, 3) == "xyz");
  from.finish();
}

TEST_CASE("writer: descriptors are lent, and their numbers written", "[core][writer]") {
  byte_buffer buffer;
  writer to{buffer};
  to.write_descriptor(7);
  to.write_descriptor(5);
  REQUIRE(to.descriptors().size() == 2);
  CHECK(to.descriptors()[0] == 7);
  CHECK(to.descriptors()[1] == 5);
  reader from{to.bytes()};
  CHECK(from.read_flat<std::uint32_t>() == 0);
  CHECK(from.read_flat<std::uint32_t>() == 1);
}

TEST_CASE("writer: rewound, it forgets what came after", "[core][writer]") {
  byte_buffer buffer;
  writer to{buffer};
  to.write_flat('a');
  to.write_descriptor(3);
  to.rewind(1);
  CHECK(to.size() == 1);
  CHECK(to.descriptors().empty());
  to.write_flat('b');
  CHECK(to.bytes()[1] == std::byte{'b'});
}

TEST_CASE("writer: what the sink throws comes through, and nothing is counted", "[core][writer]") {
  byte_sink sink{nullptr, 0, [](byte_sink&, std::size_t, std::size_t) { throw std::bad_alloc{}; }};
  writer to{sink};
  CHECK_THROWS_AS(to.write_flat(1), std::bad_alloc);
  CHECK(to.size() == 0);
}

TEST_CASE("writer: more bytes than can be counted are refused", "[core][writer]") {
  byte_buffer buffer;
  writer to{buffer};
  to.write_flat('a');
  std::size_t volatile const all = ~std::size_t{0};  // volatile: the compiler would rightly warn of it
  CHECK_THROWS_AS(to.write("", all), std::length_error);
}

TEST_CASE("writer: 256 levels nest, one more does not", "[core][writer]") {
  byte_buffer buffer;
  writer to{buffer};
  std::list<writer::level> levels;
  for (int i = 0; i != 256; ++i) levels.emplace_back(to);
  CHECK_THROWS_AS(levels.emplace_back(to), std::length_error);
  levels.clear();
  CHECK_NOTHROW(levels.emplace_back(to));
}
