// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_QUEUE_BROADCAST_CONSUMER_HPP
#define TANDEM_QUEUE_BROADCAST_CONSUMER_HPP

#include <atomic>    // for memory_order
#include <chrono>    // for duration
#include <cstdint>   // for uint64_t
#include <optional>  // for optional
#include <utility>   // for move

#include "tandem/core/codec.hpp"                // for codec
#include "tandem/core/deadline.hpp"             // for deadline
#include "tandem/memory/impl/participants.hpp"  // for participants
#include "tandem/memory/impl/token.hpp"         // for token
#include "tandem/queue/impl/queue_core.hpp"     // for queue_side
#include "tandem/queue/impl/queue_end.hpp"      // for queue_end, queue_end_codec
#include "tandem/queue/impl/subscriptions.hpp"  // for subscription_cursor, subscription_seat
#include "tandem/queue/impl/waitable_end.hpp"   // for waitable_end
#include "tandem/sync/stop_token.hpp"           // for stop_token

namespace tandem {

template <class T> class broadcast_queue;

/// A subscription to a broadcast_queue: gives every element put in since it was made. It moves, into a unit too; who
/// wants the same elements once more makes another one.
/// @par Shared memory          No: it belongs to its process. It is transferable.
/// @par Threads and processes  One thread at a time.
/// @par Peer death             The subscriptions of a dead process are gone: see broadcast_queue.
template <class T>
class broadcast_consumer
    : public impl::waitable_end<broadcast_consumer<T>, impl::queue_end<broadcast_queue<T>, impl::subscription_seat>,
                                broadcast_queue<T>, impl::subscription_cursor> {
  using base = impl::queue_end<broadcast_queue<T>, impl::subscription_seat>;
  using end_base = impl::waitable_end<broadcast_consumer, base, broadcast_queue<T>, impl::subscription_cursor>;
  using end_base::cursor, end_base::told;

 public:
  using value_type = T;

  broadcast_consumer(broadcast_consumer&&) = default;
  broadcast_consumer& operator=(broadcast_consumer&&) = default;
  ~broadcast_consumer() = default;

  /// The next element, as soon as there is one; std::nullopt where the queue is closed and no more will come.
  /// @throws consumer_lagged  where the queue says lag::fail, and it has missed some
  /// @par Blocks  While there is none, and the queue is not closed. @par Cost  A copy of T, and one atomic store.
  std::optional<T> pop() { return pop_until(deadline::never()); }
  /// The same, until a stop is requested and there is none.
  std::optional<T> pop(stop_token const& stop) { return pop_until(deadline::never(), stop); }
  /// The next element, if there is one at once. @throws as pop
  std::optional<T> try_pop() { return told(queue().taken(cursor())); }
  /// The next element, if there is one in time. @throws as pop
  std::optional<T> pop_until(deadline until, stop_token const& stop = {}) {
    return told(queue().take(cursor(), until, stop));
  }
  template <class Rep, class Period>
  std::optional<T> pop_for(std::chrono::duration<Rep, Period> const& time, stop_token const& stop = {}) {
    return pop_until(deadline::after(time), stop);
  }

  /// How many elements it has missed so far; always 0 with lag::wait.
  std::uint64_t missed() const noexcept { return cursor().entry->missed.load(std::memory_order_relaxed); }

 private:
  friend class broadcast_queue<T>;
  friend end_base;
  friend struct impl::queue_end_codec<broadcast_consumer>;

  explicit broadcast_consumer(base end) : end_base(std::move(end), impl::queue_side::consumers, {}) {
    cursor().entry = &this->seat().entry();
  }

  broadcast_queue<T>& queue() {
    auto& all = base::queue(impl::queue_side::consumers);
    impl::token const me = impl::participants::self();
    auto& user = cursor().entry->user;
    if (user.load(std::memory_order_relaxed) != me) user.store(me, std::memory_order_relaxed);
    return all;
  }
};

template <class T> struct codec<broadcast_consumer<T>> : impl::queue_end_codec<broadcast_consumer<T>> {};

}  // namespace tandem

#endif  // TANDEM_QUEUE_BROADCAST_CONSUMER_HPP
