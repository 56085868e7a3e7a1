// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_CREW_SUPERVISOR_GAVE_UP_HPP
#define TANDEM_CREW_SUPERVISOR_GAVE_UP_HPP

#include <memory>     // for make_shared, shared_ptr
#include <stdexcept>  // for runtime_error
#include <string>     // for string
#include <utility>    // for move
#include <vector>     // for vector

#include "tandem/core/failure.hpp"  // for failure

namespace tandem {

/// Thrown for a supervisor whose children failed too often. A supervisor of its own, of which this one is a child, sees
/// it as that child's failure.
/// @par Shared memory          No. From another process it arrives with what(), and without the failures.
/// @par Threads and processes  As std::runtime_error: copies do not throw, concurrent reads are fine.
/// @par Peer death             It tells of some.
class supervisor_gave_up : public std::runtime_error {
 public:
  explicit supervisor_gave_up(std::string const& what, std::vector<failure> failures = {})
      : std::runtime_error(what), failures_(std::make_shared<std::vector<failure> const>(std::move(failures))) {}

  /// Those of the last period, the last one last.
  std::vector<failure> const& failures() const noexcept { return *failures_; }

 private:
  std::shared_ptr<std::vector<failure> const> failures_;
};

}  // namespace tandem

#endif  // TANDEM_CREW_SUPERVISOR_GAVE_UP_HPP
