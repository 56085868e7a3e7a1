// SPDX-License-Identifier: BSL-1.0
// What is wrong with options can be said before anything is started: a wall asked of a thread, a value that cannot be.
#ifndef TANDEM_EXECUTION_IMPL_CHECK_OPTIONS_HPP
#define TANDEM_EXECUTION_IMPL_CHECK_OPTIONS_HPP

#include <algorithm>    // for max
#include <cstddef>      // for size_t
#include <stdexcept>    // for invalid_argument
#include <string>       // for string, to_string
#include <string_view>  // for string_view

#include "tandem/config.hpp"             // for TANDEM_NOINLINE
#include "tandem/core/errors.hpp"        // for throw_errno
#include "tandem/execution/options.hpp"  // for options
#include "tandem/os/process_id.hpp"      // for process_id
#include "tandem/os/process_table.hpp"   // for thread_id
#include "tandem/os/stack.hpp"           // for stack_end, stack_size_of_this_thread
#include "tandem/os/surroundings.hpp"    // for least_stack, stack_limit

namespace tandem::impl {

[[noreturn]] TANDEM_NOINLINE inline void refuse_option(std::string_view member, std::string const& why) {
  throw std::invalid_argument("tandem: options." + std::string(member) + ": " + why);
}

/// For both kinds of unit.
inline void check_scheduling(options const& how) {
  if (how.nice && (*how.nice < -20 || *how.nice > 19))
    refuse_option("nice", std::to_string(*how.nice) + " is not one of -20 to 19");
}

[[noreturn]] TANDEM_NOINLINE inline void refuse_wall(std::string_view member) {
  std::string_view const remedy =
      member == "start"                                      ? "a thread is not started that way"
      : member == "keep"                                     ? "a thread has all of its process's descriptors already"
      : member == "inherit"                                  ? "a thread has all of its process's descriptors"
      : member == "in" || member == "out" || member == "err" ? "a thread has its process's standard streams: hand it a "
                                                               "stream or an fd as an argument"
      : member == "environment"     ? "a thread has its process's: pass what it needs as an argument"
      : member == "directory"       ? "a thread has its process's: pass it whole paths"
      : member == "report_crash"    ? "a crash of a thread ends its process, and nobody is left to hear"
      : member == "timeout"         ? "a thread cannot be killed: let it take a stop_token, and request_stop() in time"
      : member == "die_with_parent" ? "a thread cannot outlive its process"
      : member == "adopt_orphans"   ? "a thread's children are its process's"
                                    : "a thread has its process's signals";
  refuse_option(member, std::string(remedy) + "; or start a process");
}

/// @throws std::invalid_argument naming the member that a thread cannot have, or whose value cannot be
inline void check_thread_options(options const& how) {
  if (!how.start.is_fork()) refuse_wall("start");
  if (how.inherit) refuse_wall("inherit");
  if (!how.keep.empty()) refuse_wall("keep");
  if (!how.in.is_inherited()) refuse_wall("in");
  if (!how.out.is_inherited()) refuse_wall("out");
  if (!how.err.is_inherited()) refuse_wall("err");
  if (how.environment) refuse_wall("environment");
  if (!how.directory.empty()) refuse_wall("directory");
  if (how.report_crash) refuse_wall("report_crash");
  if (how.timeout.count() != 0) refuse_wall("timeout");
  if (!how.die_with_parent) refuse_wall("die_with_parent");
  if (how.adopt_orphans) refuse_wall("adopt_orphans");
  if (how.terminal_signals != terminal_signals::ignore) refuse_wall("terminal_signals");
  check_scheduling(how);
  if (how.stack_size != 0 && how.stack_size < os::least_stack()) {
    refuse_option("stack_size", std::to_string(how.stack_size) + " bytes are too few: a thread needs at least " +
                                    std::to_string(os::least_stack()));
  }
}

TANDEM_NOINLINE inline void check_process_stack(options const& how) {
  constexpr std::size_t least = 64 << 10, sure = 128 << 20;
  auto const bytes = [](std::size_t count) { return std::to_string(count) + " bytes"; };
  std::size_t needed = least;
  if (how.start.is_fork()) {
    if (os::thread_id() != os::process_id()) {
      std::size_t const own = os::stack_size_of_this_thread();
      if (how.stack_size > own) {
        refuse_option("stack_size", bytes(how.stack_size) +
                                        ": this thread, of whose stack a forked process gets a copy, has " +
                                        bytes(own) + ": start it in the first thread, or with a zygote or start::exec");
      }
    }
    auto const* const here = static_cast<std::byte const*>(__builtin_frame_address(0));
    if (auto const* const end = os::stack_end(here)) needed += static_cast<std::size_t>(end - here);
  }
  if (how.stack_size < needed)
    refuse_option("stack_size", bytes(how.stack_size) + " are too few: at least " + bytes(needed));
  if (std::size_t const room = std::max(sure, os::stack_limit()); how.stack_size > room)
    refuse_option("stack_size",
                  bytes(how.stack_size) + ": below a first thread's stack there is room for " + bytes(room));
}

TANDEM_NOINLINE inline void check_kept(options const& how) {
  for (auto const& kept : how.keep) {
    if (!kept) refuse_option("keep", "an empty fd: nothing to keep");
    if (kept.get() <= 2) {
      refuse_option("keep", "descriptor " + std::to_string(kept.get()) +
                                " is a standard stream: use options.in, out and err, or dup() it");
    }
    if (!os::is_open(kept.get()))
      throw_errno("start a process: options.keep", "descriptor " + std::to_string(kept.get()));
  }
}

TANDEM_NOINLINE inline void check_environment(options const& how) {
  for (auto const& entry : *how.environment) {
    if (entry.find('\0') != entry.npos)
      refuse_option("environment", "'" + std::string(entry.c_str()) + "...' has a zero byte in it");
    auto const equals = entry.find('=');
    if (equals == entry.npos || equals == 0)
      refuse_option("environment", "'" + entry + "' is no variable: write \"NAME=value\"");
  }
}

/// @throws std::invalid_argument naming the member whose value cannot be; std::system_error (EBADF) for `keep`
inline void check_process_options(options const& how) {
  check_scheduling(how);
  if (how.timeout.count() < 0) refuse_option("timeout", "less than nothing; 0 is no limit");
  if (how.in.is_merge()) refuse_option("in", "stdio::merge() is for err: the same as out");
  if (how.out.is_merge()) refuse_option("out", "stdio::merge() is for err: the same as out");
  if (how.stack_size != 0) check_process_stack(how);
  if (!how.keep.empty()) check_kept(how);
  if (how.environment) check_environment(how);
  if (how.directory.find('\0') != how.directory.npos) refuse_option("directory", "it has a zero byte in it");
}

}  // namespace tandem::impl

#endif  // TANDEM_EXECUTION_IMPL_CHECK_OPTIONS_HPP
