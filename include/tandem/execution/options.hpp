// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_EXECUTION_OPTIONS_HPP
#define TANDEM_EXECUTION_OPTIONS_HPP

#include <cstddef>   // for size_t
#include <mutex>     // for chrono's durations, without its formatting
#include <optional>  // for optional
#include <string>    // for string
#include <vector>    // for vector

#include "tandem/config.hpp"                 // for TANDEM_CHECKED
#include "tandem/execution/cpu_set.hpp"      // for cpu_set
#include "tandem/execution/inherit.hpp"      // for inherit
#include "tandem/execution/lost_writes.hpp"  // for lost_writes
#include "tandem/execution/scheduling.hpp"   // for scheduling
#include "tandem/execution/start.hpp"        // for start
#include "tandem/execution/stdio.hpp"        // for stdio
#include "tandem/resource/fd.hpp"            // for fd

namespace tandem {

/// What becomes of the terminal's SIGINT and SIGQUIT (Ctrl-C, Ctrl-\), which reach every process of the foreground.
enum class terminal_signals {
  ignore,  ///< They are the starter's business; this process ends with it, or when it is told to.
  keep,    ///< As in the starter: fork's own rule.
};

/// How a unit is to run. An aggregate whose members all have defaults, for designated initialisers: `{.name =
/// "parser"}`. A member that only a process can have, asked of a thread, is std::invalid_argument naming it; so is a
/// value that cannot be. What the system refuses is std::system_error naming the member. Both come from the constructor
/// of the unit, and no unit is left then.
/// @par Shared memory          No.
/// @par Threads and processes  A value, moved and not copied: it may own descriptors.
/// @par Peer death             Not concerned.
struct options {
  /// Shown in failures, and (its first 15 bytes) by ps, top and debuggers. Empty: "thread 3", "process 4711".
  std::string name = {};
  /// The CPUs that it may use; empty: its starter's. Like what follows, kept by what it starts in turn.
  cpu_set cpus = {};
  /// Its nice value, from -20 (more of the CPU) to 19 (less). In Linux each thread has its own. To lower it takes
  /// CAP_SYS_NICE or RLIMIT_NICE.
  std::optional<int> nice = std::nullopt;
  /// By which rule it gets the CPU.
  scheduling policy = scheduling::inherit;
  /// How many bytes of stack it has; 0: as the system has it. Of a thread, the size of its stack, in whole pages. Of a
  /// process, how far the stack of its first thread may grow, its starter's frames included (RLIMIT_STACK, which
  /// programs that it executes take over): up to 128 MiB, or to the limit that its program was started with; where a
  /// thread other than the first one forked it, it runs on a copy of that thread's stack, and can have no more than
  /// that.
  std::size_t stack_size = 0;

  // What follows is for processes.

  /// How it comes to be.
  tandem::start start = start::fork;
  /// What becomes of a process that wrote to variables of its starter, which its starter cannot see. A thread has no
  /// such writes, and takes no notice of it.
  tandem::lost_writes lost_writes = TANDEM_CHECKED ? tandem::lost_writes::report : tandem::lost_writes::ignore;
  /// Whether the kernel kills it when the process that started it is dead, in whatever way. What it has started by
  /// tandem dies with it in turn.
  bool die_with_parent = true;
  /// Whether it becomes the parent of its descendants whose own parent has died (PR_SET_CHILD_SUBREAPER), instead of
  /// init, so that process::kill_tree misses none. The ones that have ended stay as zombies until it waits for them
  /// (wait(-1)), or ends.
  bool adopt_orphans = false;
  tandem::terminal_signals terminal_signals = tandem::terminal_signals::ignore;
  /// Whether it writes down where it crashed: failure::crash. Takes the signals of crashes (SIGSEGV, SIGBUS, SIGFPE,
  /// SIGILL, SIGABRT, SIGTRAP, SIGSYS) in that process; what they do afterwards stays as it was.
  bool report_crash = false;
  /// How long it may run before the kernel kills it (SIGKILL, failure::timed_out); 0: as long as it likes. From its
  /// start, whether it runs, waits or is suspended; an exec by the workload takes the limit away.
  std::chrono::nanoseconds timeout{0};
  /// What is open in it. Not set: `all` with start::fork, so that a closure that owns an `fd` works; `declared` with
  /// the others. With `declared`, descriptors that a closure holds in a container or as a number are closed: pass them
  /// as arguments.
  std::optional<tandem::inherit> inherit = std::nullopt;
  /// Descriptors that it gets under the numbers that they have here, whatever `inherit` says. They are closed here when
  /// it has been started.
  std::vector<fd> keep = {};
  /// Its standard streams.
  stdio in = {}, out = {}, err = {};
  /// Its environment, as "NAME=value"; not set: its starter's.
  std::optional<std::vector<std::string>> environment = std::nullopt;
  /// Its working directory; empty: its starter's.
  std::string directory = {};
};

}  // namespace tandem

#endif  // TANDEM_EXECUTION_OPTIONS_HPP
