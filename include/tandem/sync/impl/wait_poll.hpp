// SPDX-License-Identifier: BSL-1.0
// One wait for several things, by poll(2).
#ifndef TANDEM_SYNC_IMPL_WAIT_POLL_HPP
#define TANDEM_SYNC_IMPL_WAIT_POLL_HPP

#include <poll.h>  // for pollfd, POLLIN, POLLNVAL

#include <cerrno>     // for errno, EBADF, EINVAL
#include <cstddef>    // for size_t
#include <cstdint>    // for int64_t, uint64_t
#include <optional>   // for nullopt, optional
#include <stdexcept>  // for invalid_argument
#include <string>     // for to_string

#include "tandem/config.hpp"                // for TANDEM_NOINLINE
#include "tandem/core/deadline.hpp"         // for deadline
#include "tandem/core/errors.hpp"           // for throw_errno
#include "tandem/os/poll.hpp"               // for wait_any_ready
#include "tandem/sync/impl/wait_limit.hpp"  // for as_ns, stop_watch
#include "tandem/sync/stop_token.hpp"       // for stop_token
#include "tandem/sync/waitable.hpp"         // for wait_access

namespace tandem::impl {

[[noreturn]] TANDEM_NOINLINE inline void throw_nothing_at(std::size_t index) {
  throw std::invalid_argument("tandem: wait: argument " + std::to_string(index) +
                              " owns nothing to wait for: it was joined, moved from, or never started");
}
[[noreturn]] TANDEM_NOINLINE inline void throw_closed_at(std::size_t index) {
  throw_errno(EBADF, "wait: argument " + std::to_string(index));
}

/// What poll(2) is asked for one thing; a negative descriptor: known to be ready.
template <class T> pollfd slot_of(T& one, std::size_t index) {
  if (wait_access::known_ready(one)) return {-1, POLLIN, 0};
  int const descriptor = wait_access::handle(one);
  if (descriptor < 0) throw_nothing_at(index);
  return {descriptor, POLLIN, 0};
}

/// Where to begin to look for what is ready: anywhere, so that none is passed over for good because others, before it,
/// are always ready.
inline std::size_t any_index(std::size_t count) noexcept {
  thread_local std::uint64_t state = 0x9e3779b97f4a7c15U;  // xorshift: needs to be fair, not unforeseeable
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return static_cast<std::size_t>((state >> 32) * count >> 32);
}

/// @pre `slots` has room for one more, the stop token's
inline std::optional<std::size_t> poll_any(pollfd* slots, std::size_t count, deadline until, stop_token const& stop) {
  if (count == 0) throw std::invalid_argument("tandem: wait_any: there is nothing to wait for");
  if (stop.stop_requested()) return std::nullopt;

  bool known = false;
  for (std::size_t i = 0; i < count; ++i) known |= slots[i].fd < 0;
  bool const can_stop = !known && stop.stop_possible();
  auto const look = [&](std::size_t slots_used, std::int64_t until_ns) {
    int const seen = os::wait_any_ready(slots, slots_used, until_ns);
    if (seen < 0 && !(known && errno == EINVAL)) throw_errno("wait: poll");
    return seen > 0;
  };

  // Most waits with a stop token find something ready; what makes a stop wake a sleeper is made for the others.
  bool ready = look(count, known || can_stop ? 0 : until.since_epoch_ns()) || known;
  if (!ready && can_stop && !until.passed()) {
    stop_watch const watch(stop);
    slots[count] = {watch.handle(), POLLIN, 0};
    ready = look(count + 1, until.since_epoch_ns());
    if (stop.stop_requested()) return std::nullopt;
  }
  if (!ready) return std::nullopt;

  std::size_t i = any_index(count);
  for (std::size_t seen = 0; seen < count; ++seen, i = i + 1 == count ? 0 : i + 1) {
    if ((slots[i].revents & POLLNVAL) != 0) throw_closed_at(i);
    if (slots[i].fd < 0 || slots[i].revents != 0) return i;
  }
  return std::nullopt;  // not reached
}

/// The stop token's part of several waits for one thing each.
class stop_slot {
 public:
  explicit stop_slot(stop_token const& stop) noexcept : stop_(stop) {}
  stop_token const& token() const noexcept { return stop_; }
  bool requested() const noexcept { return stop_.stop_requested(); }
  /// Negative where no stop can come. @throws as stop_watch
  int handle() {
    if (!watch_ && stop_.stop_possible()) watch_.emplace(stop_);
    return watch_ ? watch_->handle() : -1;
  }

 private:
  stop_token const& stop_;
  std::optional<stop_watch> watch_;
};

/// Whether `one` became ready in time.
template <class T> bool poll_one(T& one, std::size_t index, deadline until, stop_slot& stop) {
  if (stop.requested()) return false;
  if (wait_access::known_ready(one)) return true;
  if (!stop.token().stop_possible()) {
    if (auto const ready = wait_access::sleep_until(one, until)) return *ready;
  }
  pollfd slots[2] = {slot_of(one, index), {stop.handle(), POLLIN, 0}};
  if (slots[0].fd < 0) return true;
  if (os::wait_any_ready(slots, 2, until.since_epoch_ns()) < 0) throw_errno("wait: poll");
  if (stop.requested()) return false;
  if ((slots[0].revents & POLLNVAL) != 0) throw_closed_at(index);
  return slots[0].revents != 0;
}

}  // namespace tandem::impl

#endif  // TANDEM_SYNC_IMPL_WAIT_POLL_HPP
