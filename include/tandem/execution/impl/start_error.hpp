// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_EXECUTION_IMPL_START_ERROR_HPP
#define TANDEM_EXECUTION_IMPL_START_ERROR_HPP

#include <string>        // for string
#include <string_view>   // for string_view
#include <system_error>  // for system_error

namespace tandem::impl {

/// How an error calls the start of a process that may have no name.
inline std::string start_of(std::string const& name) {
  return name.empty() ? "start a process" : "start process '" + name + "'";
}

/// Throws a failed step again, as one of starting the unit `what`.
[[noreturn]] inline void rethrow_as_start(std::string const& what, std::system_error const& failed) {
  // the words of the code come again
  std::string_view step = failed.what();
  std::string const code = ": " + failed.code().message();
  if (step.ends_with(code)) step.remove_suffix(code.size());
  constexpr std::string_view library = "tandem: ";
  if (step.starts_with(library)) step.remove_prefix(library.size());
  throw std::system_error(failed.code(), "tandem: start " + what + ": " + std::string(step));
}

}  // namespace tandem::impl

#endif  // TANDEM_EXECUTION_IMPL_START_ERROR_HPP
