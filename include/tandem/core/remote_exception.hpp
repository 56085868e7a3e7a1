// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_CORE_REMOTE_EXCEPTION_HPP
#define TANDEM_CORE_REMOTE_EXCEPTION_HPP

#include <stdexcept>    // for runtime_error
#include <string>       // for string
#include <string_view>  // for string_view

namespace tandem {

/// Stands for an exception that another process threw and whose type cannot be made here: it is neither one of std's
/// nor known by `register_exception`. Keeps the type's name and what it said.
/// @par Shared memory         No.
/// @par Threads and processes As std::runtime_error: copies do not throw, concurrent reads are fine.
/// @par Peer death            Does not concern it.
class remote_exception : public std::runtime_error {
 public:
  /// An exception of the demangled type `type`, which said `what`.
  remote_exception(std::string const& type, std::string const& what) : std::runtime_error{what}, type_{type} {}

  /// The demangled name of the type that was thrown: "parser::syntax_error", "int".
  std::string_view type() const noexcept { return type_.what(); }

 private:
  std::runtime_error type_;  // for its string, whose copies do not throw
};

}  // namespace tandem

#endif  // TANDEM_CORE_REMOTE_EXCEPTION_HPP
