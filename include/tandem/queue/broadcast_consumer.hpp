// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_QUEUE_BROADCAST_CONSUMER_HPP
#define TANDEM_QUEUE_BROADCAST_CONSUMER_HPP

#include <atomic>    // for memory_order
#include <chrono>    // for duration
#include <cstdint>   // for uint64_t
#include <optional>  // for nullopt, optional
#include <utility>   // for move

#include "tandem/core/codec.hpp"                // for codec
#include "tandem/core/deadline.hpp"             // for deadline
#include "tandem/memory/impl/participants.hpp"  // for participants
#include "tandem/memory/impl/token.hpp"         // for token
#include "tandem/queue/impl/queue_core.hpp"     // for queue_side
#include "tandem/queue/impl/queue_end.hpp"      // for queue_end, queue_end_codec
#include "tandem/queue/impl/readiness.hpp"      // for own_readiness
#include "tandem/queue/impl/subscriptions.hpp"  // for subscription_cursor, subscription_seat
#include "tandem/sync/stop_token.hpp"           // for stop_token
#include "tandem/sync/waitable.hpp"             // for wait_access

namespace tandem {

template <class T> class broadcast_queue;

/// A subscription to a broadcast_queue: gives every element put in since it was made. It moves, into a unit too; who
/// wants the same elements once more makes another one.
/// @par Shared memory          No: it belongs to its process. It is transferable.
/// @par Threads and processes  One thread at a time.
/// @par Peer death             The subscriptions of a dead process are gone: see broadcast_queue.
template <class T> class broadcast_consumer : public impl::queue_end<broadcast_queue<T>, impl::subscription_seat> {
 public:
  using value_type = T;

  broadcast_consumer(broadcast_consumer&&) = default;
  broadcast_consumer& operator=(broadcast_consumer&& other) noexcept {
    ready_ = std::move(other.ready_);  // first: the former one's thread is at the former queue
    cursor_ = other.cursor_;
    base::operator=(std::move(other));
    return *this;
  }
  ~broadcast_consumer() = default;

  /// The next element, as soon as there is one; std::nullopt where the queue is closed and no more will come.
  /// @throws consumer_lagged  where the queue says lag::fail, and it has missed some
  /// @par Blocks  While there is none, and the queue is not closed. @par Cost  A copy of T, and one atomic store.
  std::optional<T> pop() { return pop_until(deadline::never()); }
  /// The same, until a stop is requested and there is none.
  std::optional<T> pop(stop_token const& stop) { return pop_until(deadline::never(), stop); }
  /// The next element, if there is one at once. @throws as pop
  std::optional<T> try_pop() {
    return told([this] { return queue().taken(cursor_); });
  }
  /// The next element, if there is one in time. @throws as pop
  std::optional<T> pop_until(deadline until, stop_token const& stop = {}) {
    return told([&] { return queue().take(cursor_, until, stop); });
  }
  template <class Rep, class Period>
  std::optional<T> pop_for(std::chrono::duration<Rep, Period> const& time, stop_token const& stop = {}) {
    return pop_until(deadline::after(time), stop);
  }

  /// For poll(2), epoll(7): as queue_consumer's, with its cost. wait_any and wait_set take the end itself.
  int native_handle() { return *this ? ready_.handle(queue(), side, cursor_) : -1; }

  /// How many elements it has missed so far; always 0 with lag::wait.
  std::uint64_t missed() const noexcept { return cursor_.entry->missed.load(std::memory_order_relaxed); }

 private:
  friend class broadcast_queue<T>;
  friend struct impl::wait_access;
  friend struct impl::queue_end_codec<broadcast_consumer>;

  using base = impl::queue_end<broadcast_queue<T>, impl::subscription_seat>;

  explicit broadcast_consumer(base end) : base(std::move(end)), cursor_{&this->seat().entry()} {}

  static constexpr auto side = impl::queue_side::consumers;

  broadcast_queue<T>& queue() {
    auto& all = base::queue(side);
    impl::token const me = impl::participants::self();
    auto& user = cursor_.entry->user;
    if (user.load(std::memory_order_relaxed) != me) user.store(me, std::memory_order_relaxed);
    return all;
  }

  template <class Take> std::optional<T> told(Take take) {
    auto result = take();
    if (!result) ready_.was_not_ready(queue(), cursor_);
    return result;
  }

  bool known_ready() { return *this && ready_.is_ready(queue(), side, cursor_); }
  std::optional<bool> sleep_until(deadline until) {
    if (!*this) return std::nullopt;
    return ready_.sleep_until(queue(), side, cursor_, until);
  }

  impl::subscription_cursor cursor_;
  impl::own_readiness<broadcast_queue<T>, impl::subscription_cursor> ready_;
};

template <class T> struct codec<broadcast_consumer<T>> : impl::queue_end_codec<broadcast_consumer<T>> {};

}  // namespace tandem

#endif  // TANDEM_QUEUE_BROADCAST_CONSUMER_HPP
