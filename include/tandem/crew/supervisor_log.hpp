// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_CREW_SUPERVISOR_LOG_HPP
#define TANDEM_CREW_SUPERVISOR_LOG_HPP

#include <chrono>              // for duration
#include <condition_variable>  // for condition_variable
#include <deque>               // for deque
#include <memory>              // for make_shared, shared_ptr
#include <mutex>               // for mutex, scoped_lock, unique_lock
#include <optional>            // for nullopt, optional
#include <utility>             // for move

#include "tandem/core/deadline.hpp"          // for deadline
#include "tandem/crew/supervisor_event.hpp"  // for supervisor_event
#include "tandem/resource/event.hpp"         // for event

namespace tandem {

/// A supervisor's events, in their order, until they are taken: for on_event, and for a wait_set.
///
///     tandem::supervisor_log log;
///     crew.on_event(log);
///     while (auto what = log.next()) std::puts(what->to_string().c_str());
///
/// It keeps all that nobody takes. A copy is the same log.
/// @par Shared memory          No: it belongs to its process.
/// @par Threads and processes  Every member may be called concurrently.
/// @par Peer death             Not concerned.
class supervisor_log {
 public:
  /// @throws std::system_error  EMFILE, ENFILE
  supervisor_log() : all_(std::make_shared<state>()) {}

  /// For the supervisor.
  void operator()(supervisor_event const& what) const {
    std::scoped_lock const hold(all_->lock);
    all_->events.push_back(what);
    if (all_->events.size() == 1) all_->readable.notify();
    all_->changed.notify_all();
  }

  /// Blocks until there is one, and takes it.
  std::optional<supervisor_event> next() const { return next_until(deadline::never()); }
  /// The same for at most `time`.
  template <class Rep, class Period>
  std::optional<supervisor_event> next_for(std::chrono::duration<Rep, Period> time) const {
    return next_until(deadline::after(time));
  }
  std::optional<supervisor_event> next_until(deadline until) const {
    std::unique_lock hold(all_->lock);
    auto const there_is_one = [this] { return !all_->events.empty(); };
    if (until.is_never())
      all_->changed.wait(hold, there_is_one);
    else if (!all_->changed.wait_until(hold, until.time_point(), there_is_one))
      return std::nullopt;
    auto taken = std::move(all_->events.front());
    all_->events.pop_front();
    if (all_->events.empty()) static_cast<void>(all_->readable.try_wait());
    return taken;
  }
  /// If there is one.
  std::optional<supervisor_event> try_next() const { return next_until(deadline::after(std::chrono::nanoseconds(0))); }

  /// Readable while there is one: for poll and epoll. It stays the log's.
  int wait_handle() const noexcept { return all_->readable.native_handle(); }

 private:
  struct state {
    std::mutex lock;
    std::condition_variable changed;
    std::deque<supervisor_event> events;
    event readable;
  };

  std::shared_ptr<state> all_;
};

}  // namespace tandem

#endif  // TANDEM_CREW_SUPERVISOR_LOG_HPP
