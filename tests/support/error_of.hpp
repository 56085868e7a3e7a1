// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_TESTS_SUPPORT_ERROR_OF_HPP
#define TANDEM_TESTS_SUPPORT_ERROR_OF_HPP

#include <string_view>   // for string_view
#include <system_error>  // for generic_category, system_error

#include "support/catch.hpp"

namespace tandem_test {

/// The errno of what `action` throws as std::system_error, in words that begin as all of the library's; 0 if it throws
/// nothing.
int error_of(auto action) {
  try {
    action();
  } catch (std::system_error const& error) {
    CHECK(error.code().category() == std::generic_category());
    CHECK_THAT(error.what(), StartsWith("tandem: "));
    return error.code().value();
  }
  return 0;
}

/// The same in a thread, where no CHECK may be: -1 where the error is not of that form.
int code_of(auto action) {
  try {
    action();
  } catch (std::system_error const& error) {
    bool const as_ours =
        error.code().category() == std::generic_category() && std::string_view(error.what()).substr(0, 8) == "tandem: ";
    return as_ours ? error.code().value() : -1;
  }
  return 0;
}

}  // namespace tandem_test

#endif  // TANDEM_TESTS_SUPPORT_ERROR_OF_HPP
