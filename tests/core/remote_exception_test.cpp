// SPDX-License-Identifier: BSL-1.0
#include "tandem/core/remote_exception.hpp"

#include <exception>
#include <stdexcept>
#include <string>
#include <type_traits>

#include "support/catch.hpp"

using tandem::remote_exception;

TEST_CASE("remote_exception: keeps the type's name and what was said", "[core][remote_exception]") {
  remote_exception const thrown{"parser::error", "line 7"};
  CHECK(thrown.type() == "parser::error");
  CHECK(std::string{thrown.what()} == "line 7");
}

TEST_CASE("remote_exception: is a runtime_error, and its copies do not throw", "[core][remote_exception]") {
  STATIC_REQUIRE(std::is_base_of_v<std::runtime_error, remote_exception>);
  STATIC_REQUIRE(std::is_nothrow_copy_constructible_v<remote_exception>);
  remote_exception const thrown{std::string(1000, 't'), std::string(1000, 'w')};
  auto const copy = thrown;
  CHECK(copy.type() == thrown.type());
  CHECK_THROWS_AS([&] { throw copy; }(), std::runtime_error);
}
