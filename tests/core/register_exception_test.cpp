// SPDX-License-Identifier: BSL-1.0
#include "tandem/core/register_exception.hpp"

#include <exception>
#include <stdexcept>
#include <string>

#include "core/round_trip.hpp"
#include "support/catch.hpp"
#include "tandem/core/codec_string.hpp"
#include "tandem/core/exception_transport.hpp"

using tandem::register_exception;

namespace {

struct by_text : std::runtime_error {
  using std::runtime_error::runtime_error;
};
struct by_default : std::exception {
  char const* what() const noexcept override { return "always this"; }
};
class by_codec : public std::exception {
 public:
  by_codec(std::string const& in, int at) : file{in}, line{at} {}
  char const* what() const noexcept override { return file.c_str(); }
  std::string file;
  int line;
};
class refuses_its_bytes : public std::runtime_error {
 public:
  explicit refuses_its_bytes(int) : std::runtime_error{"refused"} {}
};
struct in_std_only {  // no std::exception at all
  int code;
};
struct never_registered : std::runtime_error {
  using std::runtime_error::runtime_error;
};

template <class E> tandem::impl::thrown_record transported(E const& thrown) {
  tandem::byte_buffer sink;
  auto const size = tandem::impl::encode_exception(sink, std::make_exception_ptr(thrown));
  tandem::reader from{sink.first(size)};
  auto record = tandem::impl::decode_exception(from);
  from.finish();
  return record;
}

}  // namespace

template <> struct tandem::codec<by_codec> {
  static void encode(writer& to, by_codec const& value) {
    tandem::encode(to, value.file);
    tandem::encode(to, value.line);
  }
  static by_codec decode(reader& from) {
    auto file = tandem::decode<std::string>(from);
    return by_codec{file, tandem::decode<int>(from)};
  }
};
template <> struct tandem::codec<refuses_its_bytes> {
  static void encode(writer&, refuses_its_bytes const&) {}
  static refuses_its_bytes decode(reader&) { impl::bad_message("refused"); }
};

TEST_CASE("register_exception: one that is made of its words", "[core][register_exception]") {
  register_exception<by_text>();
  register_exception<by_text>();  // twice is as good as once
  auto const record = transported(by_text{"words"});
  CHECK(record.type.ends_with("::by_text"));
  try {
    std::rethrow_exception(record.exception);
  } catch (by_text const& thrown) { CHECK(std::string{thrown.what()} == "words"); }
}

TEST_CASE("register_exception: one that is made of nothing", "[core][register_exception]") {
  register_exception<by_default>();
  CHECK_THROWS_AS(std::rethrow_exception(transported(by_default{}).exception), by_default);
}

TEST_CASE("register_exception: one that has a codec comes with all its members", "[core][register_exception]") {
  register_exception<by_codec>();
  try {
    std::rethrow_exception(transported(by_codec{"file.txt", 7}).exception);
  } catch (by_codec const& thrown) {
    CHECK(thrown.file == "file.txt");
    CHECK(thrown.line == 7);
  }
}

TEST_CASE("register_exception: also for what is no std::exception", "[core][register_exception]") {
  CHECK_THROWS_AS(std::rethrow_exception(transported(in_std_only{3}).exception), tandem::remote_exception);
  register_exception<in_std_only>();
  try {
    std::rethrow_exception(transported(in_std_only{3}).exception);
  } catch (in_std_only const& thrown) { CHECK(thrown.code == 3); }
}

TEST_CASE("register_exception: one whose codec refuses the bytes becomes a remote_exception",
          "[core][register_exception]") {
  register_exception<refuses_its_bytes>();
  try {
    std::rethrow_exception(transported(refuses_its_bytes{1}).exception);
  } catch (tandem::remote_exception const& thrown) {
    CHECK(thrown.type().ends_with("::refuses_its_bytes"));
    CHECK(std::string{thrown.what()} == "refused");
  }
}

TEST_CASE("register_exception: what is not registered becomes a remote_exception", "[core][register_exception]") {
  try {
    std::rethrow_exception(transported(never_registered{"words"}).exception);
  } catch (tandem::remote_exception const& thrown) {
    CHECK(thrown.type().ends_with("::never_registered"));
    CHECK(std::string{thrown.what()} == "words");
  }
}
