// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_CREW_CHILD_OPTIONS_HPP
#define TANDEM_CREW_CHILD_OPTIONS_HPP

#include <chrono>    // for nanoseconds, seconds
#include <optional>  // for optional
#include <string>    // for string

#include "tandem/crew/restart_backoff.hpp"  // for restart_backoff
#include "tandem/execution/inherit.hpp"     // for inherit
#include "tandem/execution/start.hpp"       // for start

namespace tandem {

/// Which ends of a child its supervisor takes for failures, after which it is started again. Normal is to return, or to
/// exit with 0; not normal: to throw, to exit with another code, to be killed, to hang, not to start at all.
enum class restart {
  permanent,  ///< Every one.
  transient,  ///< The one that is not normal.
  temporary,  ///< None. A child that has ended is forgotten.
};

/// How a supervisor's child is to be.
/// @par Threads and processes  A value.
struct child_options {
  /// Its own among its supervisor's children, and that of its unit. Empty: "child 3".
  std::string name = {};
  tandem::restart restart = restart::permanent;
  /// How long it may take to end when its stop is requested. Then a process is killed; a thread, which cannot be, is
  /// waited for. 0: a process is killed at once. nanoseconds::max(): for ever, as a supervisor may need.
  std::chrono::nanoseconds shutdown = std::chrono::seconds(5);
  /// Where set, it must call this_child::beat() that often, or it is hung. A hung process is killed; a hung thread is
  /// told to stop, and is a failure when it does.
  std::chrono::nanoseconds heartbeat{0};
  /// Where set, those behind it are started when it has called this_child::ready(); if that takes longer, it is hung.
  std::chrono::nanoseconds ready{0};
  restart_backoff backoff = {};

  // What follows is for processes, as in `options`.

  tandem::start start = start::fork;
  bool report_crash = false;
  std::optional<tandem::inherit> inherit = std::nullopt;
};

}  // namespace tandem

#endif  // TANDEM_CREW_CHILD_OPTIONS_HPP
