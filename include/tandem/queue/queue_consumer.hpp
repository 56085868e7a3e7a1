// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_QUEUE_QUEUE_CONSUMER_HPP
#define TANDEM_QUEUE_QUEUE_CONSUMER_HPP

#include <chrono>    // for duration
#include <cstddef>   // for size_t
#include <optional>  // for nullopt, optional
#include <utility>   // for forward, move

#include "tandem/core/codec.hpp"             // for codec
#include "tandem/core/deadline.hpp"          // for deadline
#include "tandem/queue/impl/queue_core.hpp"  // for queue_side
#include "tandem/queue/impl/queue_end.hpp"   // for queue_end_codec
#include "tandem/queue/impl/readiness.hpp"   // for own_readiness
#include "tandem/queue/impl/road_end.hpp"    // for road_end
#include "tandem/sync/stop_token.hpp"        // for stop_token
#include "tandem/sync/waitable.hpp"          // for wait_access

namespace tandem {

namespace impl {
template <class, class> class blocking_queue;

template <class Queue, class... A>
concept pops_several = requires(Queue& queue, A&&... room) {
  queue.pop_some(std::forward<A>(room)...);
};
template <class Queue, class F, class... A>
concept pops_in_place = requires(Queue& queue, F use, A&&... limit) {
  queue.pop_in_place(use, std::forward<A>(limit)...);
};

template <class Queue>
concept delivers = requires {
  typename Queue::delivery_type;
};

}  // namespace impl

/// The end of a queue that a consumer has. A copy is one more end; when the last one is gone, the queue takes nothing
/// more.
/// @par Shared memory          No: it belongs to its process. It is transferable.
/// @par Threads and processes  One thread at a time; each takes a copy.
/// @par Peer death             The ends of a dead process are gone: see bounded_queue.
template <class Queue> class queue_consumer : public impl::road_end<Queue> {
 public:
  using value_type = typename Queue::value_type;

  queue_consumer(queue_consumer const&) = default;
  queue_consumer(queue_consumer&&) = default;
  queue_consumer& operator=(queue_consumer other) noexcept {
    ready_ = std::move(other.ready_);  // first: the former one's thread is at the former queue
    cursor_ = other.cursor_;
    base::operator=(std::move(other));
    return *this;
  }
  ~queue_consumer() = default;

  /// As Queue's.
  std::optional<value_type> pop() { return pop_until(deadline::never()); }
  std::optional<value_type> pop(stop_token const& stop) { return pop_until(deadline::never(), stop); }
  std::optional<value_type> try_pop() { return told(queue()->taken(cursor_)); }
  std::optional<value_type> pop_until(deadline until, stop_token const& stop = {}) {
    return told(queue()->take(cursor_, until, stop));
  }
  template <class Rep, class Period>
  std::optional<value_type> pop_for(std::chrono::duration<Rep, Period> const& time, stop_token const& stop = {}) {
    return pop_until(deadline::after(time), stop);
  }

  /// To be acknowledged, where Queue is an acknowledged_queue.
  template <impl::delivers Q = Queue> std::optional<typename Q::delivery_type> receive() {
    return receive_until<Q>(deadline::never());
  }
  template <impl::delivers Q = Queue> std::optional<typename Q::delivery_type> receive(stop_token const& stop) {
    return receive_until<Q>(deadline::never(), stop);
  }
  template <impl::delivers Q = Queue> std::optional<typename Q::delivery_type> try_receive() {
    return told(queue()->try_receive_with(cursor_));
  }
  template <impl::delivers Q = Queue>
  std::optional<typename Q::delivery_type> receive_until(deadline until, stop_token const& stop = {}) {
    return told(queue()->receive_with(cursor_, until, stop));
  }
  template <impl::delivers Q = Queue, class Rep, class Period>
  std::optional<typename Q::delivery_type> receive_for(std::chrono::duration<Rep, Period> const& time,
                                                       stop_token const& stop = {}) {
    return receive_until<Q>(deadline::after(time), stop);
  }

  /// Several at once, and in place, where Queue can: spsc_queue.
  template <class... A>
    requires impl::pops_several<Queue, A...> std::size_t pop_some(A&&... room) {
      return told(queue()->pop_some(std::forward<A>(room)...));
    }
  template <class F, class... A>
    requires impl::pops_in_place<Queue, F, A...>
  bool pop_in_place(F use, A&&... limit) { return told(queue()->pop_in_place(use, std::forward<A>(limit)...)); }

  /// For poll(2), epoll(7): readable while there is an element, or the queue is closed. Still owned by this end.
  /// wait_any and wait_set take the end itself.
  ///
  /// It stays readable until a pop of this end has found nothing; for ever where the queue is closed.
  /// @throws std::system_error  EMFILE, ENFILE, EAGAIN where there can be no further thread
  /// @par Cost  An eventfd and a thread of their own, made for the first who asks, kept as long as this end: the kernel
  /// cannot poll what lies in memory. A wake-up by way of them takes about twice as long as by pop and push.
  int native_handle() { return *this ? ready_.handle(*queue(), side, cursor_) : -1; }

 private:
  template <class, class> friend class impl::blocking_queue;
  friend struct impl::wait_access;
  friend struct impl::queue_end_codec<queue_consumer>;

  using base = impl::road_end<Queue>;

  explicit queue_consumer(base end) : base(std::move(end)), cursor_(this->seen_queue().pop_cursor()) {}

  static constexpr auto side = impl::queue_side::consumers;

  auto queue() { return base::queue(side); }

  template <class Result> Result told(Result result) {
    if (!result) ready_.was_not_ready(*queue(), cursor_);
    return result;
  }

  bool known_ready() { return *this && ready_.is_ready(*queue(), side, cursor_); }
  std::optional<bool> sleep_until(deadline until) {
    if (!*this) return std::nullopt;
    return ready_.sleep_until(*queue(), side, cursor_, until);
  }

  typename Queue::cursor cursor_;
  impl::own_readiness<Queue, typename Queue::cursor> ready_;
};

template <class Queue> struct codec<queue_consumer<Queue>> : impl::queue_end_codec<queue_consumer<Queue>> {};

}  // namespace tandem

#endif  // TANDEM_QUEUE_QUEUE_CONSUMER_HPP
