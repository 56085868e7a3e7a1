// SPDX-License-Identifier: BSL-1.0
// How the system's failures are reported: as std::system_error that names the step, the object, and the reason.
#ifndef TANDEM_CORE_ERRORS_HPP
#define TANDEM_CORE_ERRORS_HPP

#include <cerrno>        // for errno
#include <string>        // for string
#include <string_view>   // for string_view
#include <system_error>  // for system_error, generic_category, errc, make_error_code

#include "tandem/config.hpp"  // for TANDEM_NOINLINE

namespace tandem {
namespace impl {

inline std::string error_text(std::string_view step, std::string_view object) {
  std::string text{"tandem: "};
  text.append(step);
  if (!object.empty()) text.append(": ").append(object);
  return text;
}

}  // namespace impl

/// Throws the system's error number `error` as "tandem: step: object: reason".
/// @throws std::system_error in std::generic_category(), so that it compares with std::errc.
[[noreturn]] TANDEM_NOINLINE inline void throw_errno(int error, std::string_view step, std::string_view object = {}) {
  throw std::system_error{error, std::generic_category(), impl::error_text(step, object)};
}

/// The same for the number that a system call has just left in `errno`.
/// @throws std::system_error
[[noreturn]] TANDEM_NOINLINE inline void throw_errno(std::string_view step, std::string_view object = {}) {
  throw_errno(errno, step, object);
}

/// Throws the portable condition `condition` as "tandem: step: object: reason": where no system call has failed, but
/// one of its errors fits.
/// @throws std::system_error
[[noreturn]] TANDEM_NOINLINE inline void throw_errc(std::errc condition, std::string_view step,
                                                    std::string_view object = {}) {
  throw std::system_error{std::make_error_code(condition), impl::error_text(step, object)};
}

}  // namespace tandem

#endif  // TANDEM_CORE_ERRORS_HPP
