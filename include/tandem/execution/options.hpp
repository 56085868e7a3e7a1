// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_EXECUTION_OPTIONS_HPP
#define TANDEM_EXECUTION_OPTIONS_HPP

#include <mutex>   // for chrono's durations, without its formatting
#include <string>  // for string

#include "tandem/config.hpp"                 // for TANDEM_CHECKED
#include "tandem/execution/lost_writes.hpp"  // for lost_writes
#include "tandem/execution/start.hpp"        // for start

namespace tandem {

/// What becomes of the terminal's SIGINT and SIGQUIT (Ctrl-C, Ctrl-\), which reach every process of the foreground.
enum class terminal_signals {
  ignore,  ///< They are the starter's business; this process ends with it, or when it is told to.
  keep,    ///< As in the starter: fork's own rule.
};

/// How a unit is to run. An aggregate whose members all have defaults, for designated initialisers: `{.name =
/// "parser"}`. A member that only a process can have, asked of a thread, is std::invalid_argument naming it.
/// @par Shared memory          No.
/// @par Threads and processes  A value.
/// @par Peer death             Not concerned.
struct options {
  /// Shown in failures, and (its first 15 bytes) by ps, top and debuggers. Empty: "thread 3", "process 4711".
  std::string name = {};

  // What follows is for processes.

  /// How it comes to be.
  tandem::start start = start::fork;
  /// What becomes of a process that wrote to variables of its starter, which its starter cannot see. A thread has no
  /// such writes, and takes no notice of it.
  tandem::lost_writes lost_writes = TANDEM_CHECKED ? tandem::lost_writes::report : tandem::lost_writes::ignore;
  /// Whether the kernel kills it when the process that started it is dead, in whatever way. What it has started by
  /// tandem dies with it in turn.
  bool die_with_parent = true;
  tandem::terminal_signals terminal_signals = tandem::terminal_signals::ignore;
  /// Whether it writes down where it crashed: failure::crash. Takes the signals of crashes (SIGSEGV, SIGBUS, SIGFPE,
  /// SIGILL, SIGABRT, SIGTRAP, SIGSYS) in that process; what they do afterwards stays as it was.
  bool report_crash = false;
  /// How long it may run before the kernel kills it (SIGKILL, failure::timed_out); 0: as long as it likes. From its
  /// start, whether it runs, waits or is suspended; an exec by the workload takes the limit away.
  std::chrono::nanoseconds timeout{0};
};

}  // namespace tandem

#endif  // TANDEM_EXECUTION_OPTIONS_HPP
