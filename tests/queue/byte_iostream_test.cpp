// SPDX-License-Identifier: BSL-1.0
#include "tandem/queue/byte_iostream.hpp"

#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include "support/catch.hpp"
#include "tandem/core.hpp"
#include "tandem/execution/process.hpp"
#include "tandem/execution/thread.hpp"
#include "tandem/memory/shared.hpp"
#include "tandem/queue/byte_stream.hpp"

using tandem::byte_istream, tandem::byte_ostream, tandem::byte_stream, tandem::shared;

TEMPLATE_TEST_CASE("byte_iostream: lines and numbers, through a stream that is smaller", "[queue][byte_iostream]",
                   tandem::thread<void>, tandem::process<void>) {
  auto const capacity = GENERATE(1, 16, 4096);
  shared<byte_stream> stream(capacity);
  TestType writer(
      [](auto end) {
        byte_ostream out(std::move(end));
        for (int i = 0; i < 1000; ++i) out << i << ' ' << std::string(static_cast<std::size_t>(i % 40), 'x') << ".\n";
      },
      stream->producer());
  byte_istream in(stream->consumer());
  for (int i = 0; i < 1000; ++i) {
    int number = -1;
    std::string text;
    in >> number;
    in.ignore();
    std::getline(in, text);
    REQUIRE(number == i);
    REQUIRE(text == std::string(static_cast<std::size_t>(i % 40), 'x') + ".");
  }
  CHECK(in.get() == byte_istream::traits_type::eof());
  CHECK(in.eof());
  CHECK(writer.join().has_value());
}

TEST_CASE("byte_iostream: what is written is there once it is flushed", "[queue][byte_iostream]") {
  byte_stream stream(64);
  std::optional<byte_ostream> out(std::in_place, stream.producer());
  *out << "one " << 2;
  CHECK(stream.peek(64, tandem::deadline::after(std::chrono::seconds(-1))).empty());
  *out << std::flush;
  CHECK(stream.peek().size() == 5);
  *out << "more";
  CHECK(stream.peek().size() == 5);
  out.reset();
  CHECK(stream.peek().size() == 9);
  CHECK(stream.is_closed());
  {
    byte_istream in(stream.consumer());
    std::string word;
    in >> word;
    CHECK(word == "one");
    CHECK(in.peek() == ' ');
  }
  CHECK(stream.peek().size() == 6);  // what was not read is there yet
}

TEST_CASE("byte_iostream: a reader that is gone is a bad stream, or an exception", "[queue][byte_iostream][errors]") {
  byte_stream stream(4);
  stream.consumer();
  byte_ostream out(stream.producer());
  out << "some words" << std::flush;
  CHECK(out.bad());
  out.clear();
  out.exceptions(std::ios::badbit);
  CHECK_THROWS_AS(out << "some words", std::system_error);
}
