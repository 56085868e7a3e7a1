// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_EXECUTION_STOP_ON_SIGNAL_HPP
#define TANDEM_EXECUTION_STOP_ON_SIGNAL_HPP

#include <concepts>  // for same_as

#include "tandem/execution/impl/signal_stops.hpp"  // for signal_stops
#include "tandem/sync/stop_token.hpp"              // for stop_source, stop_token

namespace tandem {

/// Turns signals into a stop request: `stop_on_signal const ctrl_c(SIGINT, SIGTERM);` in main, and
/// `ctrl_c.get_stop_token()` for all that shall end in order, processes too. The first of the signals requests the
/// stop; callbacks run in a thread that the object keeps for it, never in the handler. From then on these signals do
/// what they do by default, so that a second Ctrl-C kills at once, and with the program all processes that die with
/// their parent.
///
/// The only feature of the library that installs handlers and keeps a thread (with all signals blocked), and only
/// while an object lives. Blocking calls go on after the signal (SA_RESTART): wait for the token as well.
///
/// Other dispositions: a handler that the program had installed before is not called meanwhile, and comes back when the
/// last object that wants the signal is destroyed; one that it installs meanwhile stays. A signal that is ignored stays
/// ignored, as under nohup(1), and SIGINT in a process that was started with terminal_signals::ignore. Several objects
/// are one: a signal for any of them is a request to all, and to those made while one of these lives.
///
/// In children, however they were started, these signals do what they did before the object was made.
/// @par Shared memory          No. Its token and its source cross to processes as any.
/// @par Threads and processes  Belongs to the process that made it; in a forked child of the host's own its destructor
/// does nothing.
/// @par Peer death             Not concerned.
class stop_on_signal {
 public:
  /// @throws std::system_error: invalid_argument where one of the numbers is no signal, or one that cannot be handled
  /// (SIGKILL, SIGSTOP); resource_unavailable_try_again where no thread can be started. Nothing has changed then
  template <std::same_as<int>... More> explicit stop_on_signal(int first, More... more) {
    int const signals[] = {first, more...};
    impl::signal_stops::add(listener_, signals);
  }
  stop_on_signal(stop_on_signal const&) = delete;
  ~stop_on_signal() { impl::signal_stops::remove(listener_); }

  stop_source get_stop_source() const { return listener_.stop; }
  stop_token get_stop_token() const { return listener_.stop.get_token(); }
  bool stop_requested() const noexcept { return listener_.stop.stop_requested(); }

  /// The signal that came first; 0: none has come. For an exit code, 128 + signal().
  int signal() const noexcept { return impl::signal_stops::signal(); }

 private:
  impl::signal_stops::listener listener_;
};

}  // namespace tandem

#endif  // TANDEM_EXECUTION_STOP_ON_SIGNAL_HPP
