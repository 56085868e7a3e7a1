// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_EXECUTION_OPTIONS_HPP
#define TANDEM_EXECUTION_OPTIONS_HPP

#include <string>  // for string

#include "tandem/config.hpp"                 // for TANDEM_CHECKED
#include "tandem/execution/lost_writes.hpp"  // for lost_writes

namespace tandem {

/// How a unit is to run. An aggregate whose members all have defaults, for designated initialisers: `{.name =
/// "parser"}`.
/// @par Shared memory          No.
/// @par Threads and processes  A value.
/// @par Peer death             Not concerned.
struct options {
  /// Shown in failures, and (its first 15 bytes) by ps, top and debuggers. Empty: "thread 3", "process 4711".
  std::string name = {};
  /// What becomes of a process that wrote to variables of its starter, which its starter cannot see. A thread has no
  /// such writes.
  tandem::lost_writes lost_writes = TANDEM_CHECKED ? tandem::lost_writes::report : tandem::lost_writes::ignore;
};

}  // namespace tandem

#endif  // TANDEM_EXECUTION_OPTIONS_HPP
