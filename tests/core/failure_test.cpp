// SPDX-License-Identifier: BSL-1.0
#include "tandem/core/failure.hpp"

#include <chrono>
#include <csignal>
#include <exception>
#include <sstream>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

#include "support/catch.hpp"

using tandem::ending, tandem::failure, tandem::unit_died;

namespace {

struct parse_error : std::runtime_error {
  using std::runtime_error::runtime_error;
};
struct not_an_exception {};

}  // namespace

TEST_CASE("failure: of an exception has its type and its words", "[core][failure]") {
  auto const value = failure::threw("parser", std::make_exception_ptr(std::invalid_argument{"line 7"}));
  CHECK(value.how() == ending::threw);
  CHECK(value.unit() == "parser");
  CHECK(value.type() == "std::invalid_argument");
  CHECK(value.what() == "line 7");
  CHECK(value.exit_code() == -1);
  CHECK(value.signal() == 0);
  CHECK_FALSE(value.core_dumped());
  CHECK(value.to_string() == "'parser' threw std::invalid_argument: line 7");
}

TEST_CASE("failure: names types as their authors do", "[core][failure]") {
  auto const type = [](auto thrown) { return failure::threw("", std::make_exception_ptr(thrown)).type(); };
  CHECK(type(parse_error{""}).ends_with("::parse_error"));
  CHECK(type(not_an_exception{}).ends_with("::not_an_exception"));
  CHECK(type(5) == "int");
  CHECK(type("text") == "char const*");
  CHECK(type(std::string{}) == "std::string");
}

TEST_CASE("failure: what is no exception of std has words too, where it can", "[core][failure]") {
  auto const what = [](auto thrown) { return failure::threw("", std::make_exception_ptr(thrown)).what(); };
  CHECK(what(5) == "5");
  CHECK(what("text") == "text");
  CHECK(what(static_cast<char const*>(nullptr)) == "");
  CHECK(what(std::string{"string"}) == "string");
  CHECK(what(not_an_exception{}) == "");
  CHECK(failure::threw("u", std::make_exception_ptr(5L)).to_string() == "'u' threw long");
}

TEST_CASE("failure: a nested exception goes by the name of the one that was thrown", "[core][failure]") {
  std::exception_ptr thrown;
  try {
    try {
      throw 1;
    } catch (...) { std::throw_with_nested(parse_error{"outer"}); }
  } catch (...) { thrown = std::current_exception(); }
  auto const value = failure::threw("", thrown);
  CHECK(value.type().ends_with("::parse_error"));
  CHECK(value.type().find("ested") == std::string::npos);
  CHECK(value.what() == "outer");
}

TEST_CASE("failure: rethrows the very object that was thrown", "[core][failure]") {
  auto const thrown = std::make_exception_ptr(parse_error{"here"});
  parse_error const* first = nullptr;
  try {
    std::rethrow_exception(thrown);
  } catch (parse_error const& e) { first = &e; }
  try {
    failure::threw("", thrown).rethrow();
  } catch (parse_error const& e) { CHECK(&e == first); }
}

TEST_CASE("failure: of an exit has its code", "[core][failure]") {
  auto const value = failure::exited("worker", 3);
  CHECK(value.how() == ending::exited);
  CHECK(value.exit_code() == 3);
  CHECK(value.signal() == 0);
  CHECK(value.type().empty());
  CHECK(value.to_string() == "'worker' exited with code 3 before its work was done");
}

TEST_CASE("failure: of a signal has its number and its name", "[core][failure]") {
  auto const value = failure::signaled("worker", SIGSEGV, true);
  CHECK(value.how() == ending::signaled);
  CHECK(value.signal() == SIGSEGV);
  CHECK(value.core_dumped());
  CHECK(value.exit_code() == -1);
  CHECK(value.to_string() == "'worker' was killed by SIGSEGV (core dumped)");
  CHECK(failure::signaled("", SIGKILL, false).to_string() == "a unit was killed by SIGKILL");
  CHECK(failure::signaled("", 40, false).what() == "killed by signal 40");
}

TEST_CASE("failure: of a timeout is a kill that says which", "[core][failure]") {
  auto const failed = failure::timed_out("slow", std::chrono::milliseconds(1500));
  CHECK(failed.timed_out());
  CHECK(failed.how() == ending::signaled);
  CHECK(failed.signal() == SIGKILL);
  CHECK(failed.to_string() == "'slow' was killed by SIGKILL after its timeout of 1500 ms");
  CHECK_FALSE(failure::signaled("other", SIGKILL, false).timed_out());
  CHECK(failed != failure::signaled("slow", SIGKILL, false));
}

TEST_CASE("failure: may have a crash report, and what was used", "[core][failure]") {
  tandem::resource_usage usage;
  usage.user = std::chrono::seconds(2);
  auto const value = failure::signaled("", SIGBUS, false, usage, tandem::crash_report{SIGBUS, 2, 0x1000, {"main"}});
  REQUIRE(value.crash().has_value());
  CHECK(value.crash()->fault_address == 0x1000);
  CHECK(value.usage().user == std::chrono::seconds(2));
  CHECK_FALSE(failure::exited("", 1).crash().has_value());
}

TEST_CASE("failure: of the lost says why", "[core][failure]") {
  auto const value = failure::lost("worker", "reaped by someone else");
  CHECK(value.how() == ending::lost);
  CHECK(value.to_string() == "'worker' is lost: reaped by someone else");
}

TEST_CASE("failure: what is no exception is thrown as unit_died", "[core][failure]") {
  for (auto const& value : {failure::exited("a", 3), failure::signaled("b", SIGKILL, false), failure::lost("c")}) {
    try {
      value.rethrow();
    } catch (unit_died const& died) {
      CHECK(died.get_failure() == value);
      CHECK(died.what() == value.to_string());
    }
  }
  STATIC_REQUIRE(std::is_nothrow_copy_constructible_v<unit_died>);
}

TEST_CASE("failure: prints itself as one line, whatever was said", "[core][failure]") {
  auto const value = failure::threw("", std::make_exception_ptr(std::runtime_error{"a\nb\r\nc"}));
  CHECK(value.to_string() == "a unit threw std::runtime_error: a\\nb\\r\\nc");
  std::ostringstream text;
  text << value << '!';
  CHECK(text.str() == value.to_string() + "!");
}

TEST_CASE("failure: is a value whose copies are the same failure", "[core][failure]") {
  STATIC_REQUIRE(std::is_nothrow_copy_constructible_v<failure>);
  STATIC_REQUIRE(std::is_nothrow_move_assignable_v<failure>);
  STATIC_REQUIRE(sizeof(failure) == sizeof(void*));
  auto value = failure::exited("a", 1);
  auto copy = value;
  CHECK(copy == value);
  CHECK(&copy.unit() == &value.unit());
  auto const moved = std::move(value);
  CHECK(moved == copy);
  copy = failure::exited("a", 2);
  CHECK(moved != copy);
  CHECK(failure::exited("a", 2) == copy);
  auto const& itself = copy;
  copy = itself;
  CHECK(copy.exit_code() == 2);
}
