// SPDX-License-Identifier: BSL-1.0
// What a process does between its start and its workload, as its options ask: in the child itself, where a step that
// fails is told to the starter.
#ifndef TANDEM_EXECUTION_IMPL_CHILD_SETUP_HPP
#define TANDEM_EXECUTION_IMPL_CHILD_SETUP_HPP

#include <signal.h>  // for signal, SIGINT, SIGQUIT, SIG_IGN

#include "tandem/core/errors.hpp"        // for throw_errno
#include "tandem/execution/options.hpp"  // for options
#include "tandem/os/bound.hpp"           // for bound
#include "tandem/os/timer.hpp"           // for kill_self_after

namespace tandem::impl {

/// Whether setting up can fail in ways that the starter must wait for.
inline bool may_fail_to_set_up(options const& how) noexcept { return how.timeout.count() > 0; }

/// Makes the calling process, a child that was just started, what `how` asks for. @throws std::system_error naming the
/// step
inline void set_up_child(options const& how) {
  if (how.terminal_signals == terminal_signals::ignore) {
    os::bound (&::signal)(SIGINT, SIG_IGN);
    os::bound (&::signal)(SIGQUIT, SIG_IGN);
  }
  if (how.timeout.count() > 0 && os::kill_self_after(how.timeout.count()) != 0)
    throw_errno("limit its time: timer_create", "options.timeout");
}

}  // namespace tandem::impl

#endif  // TANDEM_EXECUTION_IMPL_CHILD_SETUP_HPP
