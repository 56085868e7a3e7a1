// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_RESOURCE_EVENT_HPP
#define TANDEM_RESOURCE_EVENT_HPP

#include <poll.h>  // for POLLIN

#include <cerrno>     // for errno, EAGAIN
#include <cstddef>    // for size_t
#include <cstdint>    // for uint64_t
#include <optional>   // for optional
#include <stdexcept>  // for invalid_argument
#include <utility>    // for move

#include "tandem/core/codec.hpp"     // for codec, reader, writer
#include "tandem/core/deadline.hpp"  // for deadline
#include "tandem/core/errors.hpp"    // for throw_errno
#include "tandem/os/eventfd.hpp"     // for open_eventfd, eventfd_add, eventfd_take
#include "tandem/os/poll.hpp"        // for wait_ready
#include "tandem/resource/fd.hpp"    // for fd

namespace tandem {

/// Counts notifications until somebody takes them, all at once: a wake-up that is not lost if nobody waits yet, and
/// that epoll can wait for too (eventfd(2)).
/// @par Shared memory         No: send it; the receiver has a handle to the same counter.
/// @par Threads and processes `notify` and the waits may be called concurrently; of several that wait, one takes all.
/// @par Peer death            Whoever has notified may die; what the counter holds stays. That nobody is left who could
/// notify is not detected.
class event {
 public:
  /// Nothing notified.
  /// @throws std::system_error  EMFILE, ENFILE.  @par Cost  One system call.
  event() : counter_{os::open_eventfd()} {
    if (!counter_) throw_errno("make an event");
  }

  /// One more handle to the same counter.
  /// @throws std::system_error  EMFILE; EBADF if moved from.
  event dup() const { return event{counter_.dup()}; }

  /// Adds `count` to the counter, and wakes those who wait.
  /// @post   What was done before happens-before the return of the wait that takes it.
  /// @throws std::invalid_argument if `count` is 2^64 - 1, which no counter holds; std::system_error: EAGAIN if the
  /// counter would pass 2^64 - 2 (then it is unchanged); EBADF if moved from.
  /// @par Blocks  Never.  @par Cost  One system call.
  void notify(std::uint64_t count = 1) const {
    if (count == UINT64_MAX) throw std::invalid_argument{"tandem: event::notify: count is 2^64 - 1"};
    if (os::eventfd_add(counter_.get(), count) != 0) throw_errno("notify an event");
  }

  /// Waits until notified, and takes what the counter holds: at least 1. It is zero then.
  /// @throws std::system_error  EBADF if moved from.
  /// @par Cost  One system call if it is notified already, else three.
  std::uint64_t wait() const { return *wait_by(deadline::never()); }

  /// Takes what the counter holds, if anything.
  /// @throws std::system_error  EBADF if moved from.  @par Blocks  Never.
  std::optional<std::uint64_t> try_wait() const {
    std::uint64_t count = 0;
    if (os::eventfd_take(counter_.get(), count) == 0) return count;
    if (errno != EAGAIN) throw_errno("wait for an event");
    return std::nullopt;
  }

  /// Waits no longer than `limit`; nothing if the time is up.
  /// @throws std::system_error  EBADF if moved from.
  template <class Rep, class Period>
  std::optional<std::uint64_t> wait_for(std::chrono::duration<Rep, Period> limit) const {
    return wait_by(deadline::after(limit));
  }

  /// The same, up to a point in time.
  template <class Clock, class Duration>
  std::optional<std::uint64_t> wait_until(std::chrono::time_point<Clock, Duration> limit) const {
    return wait_by(deadline::at(limit));
  }

  /// For poll(2) and its like: readable while notified. Still owned by this object.
  int native_handle() const noexcept { return counter_.get(); }

 private:
  friend struct codec<event>;

  explicit event(fd counter) noexcept : counter_{std::move(counter)} {}

  std::optional<std::uint64_t> wait_by(deadline limit) const {
    for (;;) {
      if (auto const count = try_wait()) return count;
      int const ready =
          os::wait_ready(counter_.get(), POLLIN, limit.time_point().time_since_epoch() / std::chrono::nanoseconds{1});
      if (ready < 0) throw_errno("wait for an event");
      if (ready == 0) return std::nullopt;
    }
  }

  fd counter_;  // non-blocking: of several that are woken, one takes the count and the others wait on
};

/// The receiver's handle leads to the same counter.
template <> struct codec<event> {
  static constexpr std::size_t least_size = 1;
  static constexpr bool carries_descriptors = true;

  static void encode(writer& to, event const& value) { codec<fd>::encode(to, value.counter_); }
  static event decode(reader& from) { return event{codec<fd>::decode(from)}; }
};

}  // namespace tandem

#endif  // TANDEM_RESOURCE_EVENT_HPP
