// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_CREW_TASKS_FAILED_HPP
#define TANDEM_CREW_TASKS_FAILED_HPP

#include <cstddef>    // for size_t
#include <stdexcept>  // for runtime_error
#include <string>     // for string, to_string
#include <utility>    // for move
#include <vector>     // for vector

#include "tandem/core/failure.hpp"  // for failure

namespace tandem {

/// Some tasks of a group that was to end with its first failure have failed.
/// @par Shared memory          No.
/// @par Threads and processes  As a std::runtime_error. In another process it is one, with the same words.
/// @par Peer death             Does not concern it: it may tell of some.
class tasks_failed : public std::runtime_error {
 public:
  /// @pre there is at least one
  explicit tasks_failed(std::vector<failure> failures)
      : std::runtime_error(words(failures)), failures_(std::move(failures)) {}

  /// The first one is that which ended the rest; behind it those that came before the others could be stopped.
  std::vector<failure> const& failures() const noexcept { return failures_; }

 private:
  static std::string words(std::vector<failure> const& failures) {
    std::string text = failures.front().to_string();
    for (std::size_t i = 1; i < failures.size(); ++i)
      text += (i == 1 ? "; and then: " : "; ") + failures[i].to_string();
    return text;
  }

  std::vector<failure> failures_;
};

}  // namespace tandem

#endif  // TANDEM_CREW_TASKS_FAILED_HPP
