// SPDX-License-Identifier: BSL-1.0
#include "tandem/core/exception_transport.hpp"

#include <any>
#include <array>
#include <csignal>
#include <exception>
#include <filesystem>
#include <fstream>
#include <functional>
#include <ios>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <typeinfo>
#include <variant>

#include "core/round_trip.hpp"
#include "support/catch.hpp"
#include "tandem/core/register_exception.hpp"

using tandem::byte_buffer, tandem::byte_sink, tandem::failure, tandem::fixed_bytes, tandem::reader,
    tandem::remote_exception, tandem::unit_died;
using tandem::impl::decode_exception, tandem::impl::encode_exception, tandem::impl::thrown_record;
using tandem_test::is_bad_message;

namespace {

template <class F> std::exception_ptr caught(F const& act) {
  try {
    act();
  } catch (...) { return std::current_exception(); }
  return nullptr;
}

thrown_record transported(std::exception_ptr const& thrown) {
  byte_buffer sink;
  auto const size = encode_exception(sink, thrown);
  reader from{sink.first(size)};
  auto record = decode_exception(from);
  from.finish();
  return record;
}

// Throws with `act`, and sees that an exception of the same type with the same words arrives.
template <class F> void check_arrives(F const& act) {
  auto const thrown = caught(act);
  auto const record = transported(thrown);
  auto const words = [](std::exception_ptr const& exception) {
    try {
      std::rethrow_exception(exception);
    } catch (std::exception const& e) { return std::string{typeid(e).name()} + ": " + e.what(); }
  };
  CHECK(words(record.exception) == words(thrown));
}

std::exception_ptr nested(int levels) {
  if (levels == 0) return std::make_exception_ptr(std::runtime_error{"innermost"});
  return caught([levels] {
    try {
      std::rethrow_exception(nested(levels - 1));
    } catch (...) { std::throw_with_nested(std::logic_error{std::to_string(levels)}); }
  });
}

struct without_words : std::exception {
  char const* what() const noexcept override { return nullptr; }
};
struct cannot_copy_again {
  int number = 0;
};

}  // namespace

TEST_CASE("exception transport: std's exceptions arrive as themselves", "[core][exception_transport]") {
  check_arrives([] { throw std::exception{}; });
  check_arrives([] { throw std::runtime_error{"words"}; });
  check_arrives([] { throw std::range_error{"words"}; });
  check_arrives([] { throw std::overflow_error{"words"}; });
  check_arrives([] { throw std::underflow_error{"words"}; });
  check_arrives([] { throw std::logic_error{"words"}; });
  check_arrives([] { throw std::invalid_argument{"words"}; });
  check_arrives([] { throw std::domain_error{"words"}; });
  check_arrives([] { throw std::length_error{"words"}; });
  check_arrives([] { throw std::out_of_range{"words"}; });
  check_arrives([] { throw std::bad_alloc{}; });
  check_arrives([] { throw std::bad_array_new_length{}; });
  check_arrives([] { throw std::bad_exception{}; });
  check_arrives([] { throw std::bad_typeid{}; });
  check_arrives([] { throw std::bad_cast{}; });
  check_arrives([] { std::shared_ptr<int>{std::weak_ptr<int>{}}; });
  check_arrives([] { static_cast<void>(std::optional<int>{}.value()); });
  check_arrives([] { throw std::bad_variant_access{}; });
}

TEST_CASE("exception transport: words that std gives to no constructor are kept beside the exception",
          "[core][exception_transport]") {
  auto const thrown = caught([] { static_cast<void>(std::get<int>(std::variant<char, int>{})); });
  auto const record = transported(thrown);
  CHECK(record.what == failure::threw("", thrown).what());
  CHECK_THROWS_AS(std::rethrow_exception(record.exception), std::bad_variant_access);
}

TEST_CASE("exception transport: words of any length, and none", "[core][exception_transport]") {
  check_arrives([] { throw std::runtime_error{""}; });
  check_arrives([] { throw std::runtime_error{std::string(1'000'000, 'x')}; });
  CHECK(transported(std::make_exception_ptr(without_words{})).what == "");
}

TEST_CASE("exception transport: system errors keep their code and their words", "[core][exception_transport]") {
  auto const io = std::make_error_code(std::errc::io_error);
  check_arrives([&] { throw std::system_error{io, "reading"}; });
  check_arrives([&] { throw std::system_error{io}; });
  check_arrives([&] { throw std::system_error{io, ""}; });
  check_arrives([&] { throw std::system_error{5, std::system_category(), "a: b: c"}; });
  check_arrives([] { throw std::ios_base::failure{"stream"}; });
  auto const record = transported(std::make_exception_ptr(std::system_error{io, "reading"}));
  try {
    std::rethrow_exception(record.exception);
  } catch (std::system_error const& error) { CHECK(error.code() == io); }
}

TEST_CASE("exception transport: file system errors keep their paths", "[core][exception_transport]") {
  check_arrives([] { static_cast<void>(std::filesystem::file_size("/no/such/file")); });
  check_arrives([] { std::filesystem::rename("/no/such/file", "/no/such/place"); });
  check_arrives([] { throw std::filesystem::filesystem_error{"words", std::error_code{}}; });
  try {
    std::rethrow_exception(
        transported(caught([] { std::filesystem::rename("/no/such/file", "/no/such/place"); })).exception);
  } catch (std::filesystem::filesystem_error const& error) {
    CHECK(error.path1() == "/no/such/file");
    CHECK(error.path2() == "/no/such/place");
    CHECK(error.code() == std::errc::no_such_file_or_directory);
  }
}

TEST_CASE("exception transport: what a stream throws is an ios_base::failure", "[core][exception_transport]") {
  auto const thrown = caught([] {
    std::ifstream file;
    file.exceptions(std::ios_base::failbit);
    file.open("/no/such/file");
  });
  auto const record = transported(thrown);
  CHECK(record.type == "std::ios_base::failure");
  CHECK_THROWS_AS(std::rethrow_exception(record.exception), std::ios_base::failure);
}

TEST_CASE("exception transport: what no header here knows is registered by name", "[core][exception_transport]") {
  auto const thrown = caught([] { std::function<void()>{}(); });
  CHECK_THROWS_AS(std::rethrow_exception(transported(thrown).exception), remote_exception);
  tandem::register_exception<std::bad_function_call>();
  CHECK_THROWS_AS(std::rethrow_exception(transported(thrown).exception), std::bad_function_call);
}

TEST_CASE("exception transport: what is no std::exception arrives as a remote_exception",
          "[core][exception_transport]") {
  auto const arrives = [](auto thrown, std::string_view type, std::string_view what) {
    auto const record = transported(std::make_exception_ptr(thrown));
    CHECK(record.type == type);
    try {
      std::rethrow_exception(record.exception);
    } catch (remote_exception const& remote) {
      CHECK(remote.type() == type);
      CHECK(remote.what() == what);
    }
  };
  arrives(5, "int", "5");
  arrives("text", "char const*", "text");
  arrives(std::string{"text"}, "std::string", "text");
  arrives(cannot_copy_again{}, tandem::impl::demangle(typeid(cannot_copy_again).name()), "");
}

TEST_CASE("exception transport: a remote_exception that travels on stays what it was", "[core][exception_transport]") {
  auto const first = transported(std::make_exception_ptr(5));
  auto const second = transported(first.exception);
  CHECK(second.type == "int");
  try {
    std::rethrow_exception(second.exception);
  } catch (remote_exception const& remote) {
    CHECK(remote.type() == "int");
    CHECK(std::string{remote.what()} == "5");
  }
}

TEST_CASE("exception transport: a unit_died keeps its failure", "[core][exception_transport]") {
  auto const died = failure::signaled("grandchild", SIGSEGV, false, {}, tandem::crash_report{SIGSEGV, 1, 8, {"main"}});
  try {
    std::rethrow_exception(transported(std::make_exception_ptr(unit_died{died})).exception);
  } catch (unit_died const& arrived) { CHECK(arrived.get_failure() == died); }
}

TEST_CASE("exception transport: nested exceptions arrive nested", "[core][exception_transport]") {
  auto const record = transported(nested(2));
  CHECK(record.type == "std::logic_error");
  CHECK(record.what == "2");
  std::string seen;
  auto at = record.exception;
  while (at != nullptr) {
    try {
      std::rethrow_exception(at);
    } catch (std::exception const& e) {
      seen += e.what();
      seen += ' ';
      at = caught([&] { std::rethrow_if_nested(e); });
    }
  }
  CHECK(seen == "2 1 innermost ");
  CHECK_THROWS_AS(std::rethrow_exception(record.exception), std::logic_error);
}

TEST_CASE("exception transport: also around and within what becomes a remote_exception",
          "[core][exception_transport]") {
  auto const thrown = caught([] {
    try {
      throw 5;
    } catch (...) { std::throw_with_nested(cannot_copy_again{}); }
  });
  try {
    std::rethrow_exception(transported(thrown).exception);
  } catch (remote_exception const& outer) {
    CHECK(outer.type() == tandem::impl::demangle(typeid(cannot_copy_again).name()));
    try {
      std::rethrow_if_nested(outer);
      FAIL("it is not nested");
    } catch (remote_exception const& inner) { CHECK(inner.type() == "int"); }
  }
}

TEST_CASE("exception transport: a chain without end is cut, not refused", "[core][exception_transport]") {
  auto at = transported(nested(100)).exception;
  int links = 0;
  while (at != nullptr) {
    ++links;
    at = tandem::impl::nested_in(at);
  }
  CHECK(links == 32);
}

TEST_CASE("exception transport: where memory is short, a short record is sent", "[core][exception_transport]") {
  auto const thrown = std::make_exception_ptr(std::runtime_error{std::string(1000, 'x')});
  std::array<std::byte, 257> room;
  fixed_bytes sink{room};
  auto const size = encode_exception(sink, thrown);
  REQUIRE(size == 257);
  reader from{std::span{room}};
  auto const record = decode_exception(from);
  CHECK(record.type == "std::runtime_error");
  CHECK(record.what == std::string(159, 'x'));
  CHECK_THROWS_AS(std::rethrow_exception(record.exception), std::runtime_error);
}

TEST_CASE("exception transport: where there is no room at all, nothing is sent", "[core][exception_transport]") {
  std::array<std::byte, 256> room;
  fixed_bytes small{room};
  auto const thrown = std::make_exception_ptr(std::runtime_error{std::string(1000, 'x')});
  CHECK(encode_exception(small, thrown) == 0);
  byte_sink starved{nullptr, 0, [](byte_sink&, std::size_t, std::size_t) { throw std::bad_alloc{}; }};
  CHECK(encode_exception(starved, thrown) == 0);
  reader from{{}};
  CHECK(is_bad_message([&] { decode_exception(from); }));
}

TEST_CASE("exception transport: a record without an end is refused", "[core][exception_transport]") {
  byte_buffer sink;
  auto const size = encode_exception(sink, nested(2));
  for (std::size_t part = 0; part != size; ++part) {
    std::vector<std::byte> const bytes(sink.data, sink.data + part);
    reader from{bytes};
    if (!is_bad_message([&] { decode_exception(from); })) FAIL(part);
  }
}

TEST_CASE("exception transport: a type that is known, with bytes that are not its own, is a remote_exception",
          "[core][exception_transport]") {
  byte_buffer sink;
  tandem::writer to{sink};
  to.write_flat(tandem::impl::record_kind::chain);
  to.write_flat(true);
  for (std::string const text : {typeid(std::system_error).name(), "std::system_error", "words"})
    tandem::encode(to, text);
  to.write_flat(true);
  tandem::encode(to, std::string{"no error code"});
  to.write_flat(false);
  reader from{to.bytes()};
  auto const record = decode_exception(from);
  try {
    std::rethrow_exception(record.exception);
  } catch (remote_exception const& remote) {
    CHECK(remote.type() == "std::system_error");
    CHECK(std::string{remote.what()} == "words");
  }
}
