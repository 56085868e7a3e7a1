// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_EXECUTION_LOST_WRITES_HPP
#define TANDEM_EXECUTION_LOST_WRITES_HPP

#include <stdexcept>  // for logic_error

namespace tandem {

/// What to do about a *lost write*: a forked process that changed a local variable of its starter, through a captured
/// reference or a pointer. It has changed its own copy; the starter will never see it. Found by comparing the starter's
/// stack frames, as the process found them, with what they are at its end: a few microseconds for each few KB. Only
/// returns and exceptions are looked at, not a process that ends by exit or a crash. Variables on the heap, static
/// ones, and those more than 1 MiB of stack away are not watched.
enum class lost_writes {
  report,  ///< Tell the unobserved-failure handler, when the unit's outcome is taken; the outcome stays as it is. The
           ///< default in checked builds.
  fail,    ///< The outcome is a failure that throws lost_write.
  ignore,  ///< Do not look. The default with NDEBUG.
};

/// Thrown by the outcome of a process that wrote to variables of its starter, where options.lost_writes asks for it.
/// @par Shared memory          No.
/// @par Threads and processes  As any exception.
/// @par Peer death             Not concerned.
class lost_write : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

}  // namespace tandem

#endif  // TANDEM_EXECUTION_LOST_WRITES_HPP
