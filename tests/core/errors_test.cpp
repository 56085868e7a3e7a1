// SPDX-License-Identifier: BSL-1.0
#include "tandem/core/errors.hpp"

#include <cerrno>
#include <string>
#include <system_error>

#include "support/catch.hpp"

namespace {

template <class F> std::system_error error_of(F const& act) {
  try {
    act();
  } catch (std::system_error const& error) { return error; }
  FAIL("nothing was thrown");
  return std::system_error{std::error_code{}};
}

}  // namespace

TEST_CASE("errors: an error number is thrown with step, object and reason", "[core][errors]") {
  auto const error = error_of([] { tandem::throw_errno(ENOENT, "open", "/no/such"); });
  CHECK(error.code() == std::error_code(ENOENT, std::generic_category()));
  CHECK(error.code() == std::errc::no_such_file_or_directory);
  CHECK(std::string{error.what()} == "tandem: open: /no/such: " + error.code().message());
}

TEST_CASE("errors: without an object, the step stands alone", "[core][errors]") {
  CHECK(std::string{error_of([] { tandem::throw_errno(EPERM, "kill"); }).what()}.starts_with("tandem: kill: "));
}

TEST_CASE("errors: the number may be the one in errno", "[core][errors]") {
  auto const error = error_of([] {
    errno = EBADF;
    tandem::throw_errno("read", "a pipe");
  });
  CHECK(error.code().value() == EBADF);
}

TEST_CASE("errors: a portable condition compares equal to itself", "[core][errors]") {
  auto const error = error_of([] { tandem::throw_errc(std::errc::bad_message, "decode", "too short"); });
  CHECK(error.code() == std::errc::bad_message);
  CHECK(std::string{error.what()}.starts_with("tandem: decode: too short: "));
}
