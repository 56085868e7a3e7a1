// SPDX-License-Identifier: BSL-1.0
// What a process does between its start and its workload, as its options ask: in the child itself, where a step that
// fails is told to the starter.
#ifndef TANDEM_EXECUTION_IMPL_CHILD_SETUP_HPP
#define TANDEM_EXECUTION_IMPL_CHILD_SETUP_HPP

#include <signal.h>  // for signal, SIGINT, SIGQUIT, SIG_IGN

#include <algorithm>  // for sort
#include <cstddef>    // for size_t
#include <span>       // for span
#include <string>     // for string
#include <vector>     // for vector

#include "tandem/config.hpp"                           // for TANDEM_NOINLINE
#include "tandem/core/errors.hpp"                      // for throw_errno
#include "tandem/execution/impl/apply_scheduling.hpp"  // for apply_scheduling, asks_for_scheduling
#include "tandem/execution/impl/own_descriptors.hpp"   // for own_descriptors
#include "tandem/execution/options.hpp"                // for options
#include "tandem/os/bound.hpp"                         // for bound
#include "tandem/os/close_range.hpp"                   // for close_all_but
#include "tandem/os/descriptor.hpp"                    // for close, duplicate
#include "tandem/os/fork.hpp"                          // for adopt_orphans
#include "tandem/os/surroundings.hpp"                  // for duplicate_onto, set_environment, change_directory
#include "tandem/os/timer.hpp"                         // for kill_self_after

namespace tandem::impl {

/// What of its starter's is open in a process that is started so.
inline inherit inherits(options const& how) noexcept {
  return how.inherit ? *how.inherit : how.start.is_fork() ? inherit::all : inherit::declared;
}

inline bool asks_for_streams(options const& how) noexcept {
  return !how.in.is_inherited() || !how.out.is_inherited() || !how.err.is_inherited();
}

/// Whether setting up can fail in ways that the starter must wait for.
inline bool may_fail_to_set_up(options const& how) noexcept {
  return how.timeout.count() > 0 || how.stack_size != 0 || asks_for_scheduling(how) || asks_for_streams(how) ||
         inherits(how) != inherit::all || how.environment || !how.directory.empty();
}

/// Makes its standard streams what they are to be. The sources may themselves be standard streams.
TANDEM_NOINLINE inline void connect_streams(options const& how) {
  stdio const* const streams[] = {&how.in, &how.out, &how.err};
  static constexpr char const* names[] = {"options.in", "options.out", "options.err"};
  int sources[3];
  for (int i = 0; i < 3; ++i) {
    sources[i] = streams[i]->descriptor().get();
    if (sources[i] < 0 || sources[i] > 2) continue;
    sources[i] = os::duplicate(sources[i], 3);  // out of the way
    if (sources[i] < 0) throw_errno("connect its standard streams: dup", names[i]);
  }
  for (int i = 0; i < 3; ++i) {
    int const source = streams[i]->is_merge() ? 1 : sources[i];
    if (source < 0) continue;
    if (os::duplicate_onto(source, i) != 0) throw_errno("connect its standard streams: dup2", names[i]);
    if (source > 2) os::close(source);
  }
  if (sources[0] >= 0) os::forget_input();
}

/// Closes all that was not declared. `others`: what else is open by right, -1 among them is nothing.
TANDEM_NOINLINE inline void close_undeclared(options const& how, std::span<int const> others) {
  std::vector<int> open{0, 1, 2};
  for (auto const& kept : how.keep) open.push_back(kept.get());
  open.insert(open.end(), others.begin(), others.end());
  for (int const own : own_descriptors::all()) open.push_back(own);
  std::erase_if(open, [](int one) { return one < 0; });
  std::sort(open.begin(), open.end());
  os::close_all_but(open);
}

TANDEM_NOINLINE inline void replace_environment(std::vector<std::string> const& entries) {
  auto** const strings = new char*[entries.size() + 1];  // for the rest of the process's life, as `entries` is
  for (std::size_t i = 0; i < entries.size(); ++i) strings[i] = const_cast<char*>(entries[i].c_str());
  strings[entries.size()] = nullptr;
  os::set_environment(strings);
}

/// Makes the calling process, a child that was just started, what `how` asks for. `others`: the descriptors that it has
/// by right besides those in `how`. @throws std::system_error naming the step
inline void set_up_child(options const& how, std::span<int const> others = {}) {
  if (how.terminal_signals == terminal_signals::ignore) {
    os::bound (&::signal)(SIGINT, SIG_IGN);
    os::bound (&::signal)(SIGQUIT, SIG_IGN);
  }
  if (how.adopt_orphans) os::adopt_orphans();
  if (!may_fail_to_set_up(how)) return;
  if (how.timeout.count() > 0 && os::kill_self_after(how.timeout.count()) != 0)
    throw_errno("limit its time: timer_create", "options.timeout");
  if (asks_for_streams(how)) connect_streams(how);
  if (inherits(how) == inherit::declared) close_undeclared(how, others);
  if (how.environment) replace_environment(*how.environment);
  if (!how.directory.empty() && os::change_directory(how.directory.c_str()) != 0)
    throw_errno("change its directory: chdir", "options.directory '" + how.directory + "'");
  if (how.stack_size != 0 && os::set_stack_limit(how.stack_size) != 0) {
    throw_errno("limit its stack: setrlimit",
                "options.stack_size " + std::to_string(how.stack_size) + ": above the hard limit of RLIMIT_STACK");
  }
  if (asks_for_scheduling(how)) apply_scheduling(how);
}

}  // namespace tandem::impl

#endif  // TANDEM_EXECUTION_IMPL_CHILD_SETUP_HPP
