// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_QUEUE_QUEUE_PRODUCER_HPP
#define TANDEM_QUEUE_QUEUE_PRODUCER_HPP

#include <chrono>   // for duration
#include <cstddef>  // for size_t
#include <utility>  // for forward, move

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
concept pushes_several = requires(Queue& queue, A&&... several) {
  queue.push_some(std::forward<A>(several)...);
};
template <class Queue, class F, class... A>
concept pushes_in_place = requires(Queue& queue, F make, A&&... limit) {
  queue.push_in_place(make, std::forward<A>(limit)...);
};

}  // namespace impl

/// The end of a queue that a producer has. A copy is one more end; when the last one is gone, the queue is closed.
/// @par Shared memory          No: it belongs to its process. It is transferable.
/// @par Threads and processes  One thread at a time; each takes a copy.
/// @par Peer death             The ends of a dead process are gone: see bounded_queue.
template <class Queue> class queue_producer : public impl::road_end<Queue> {
 public:
  using value_type = typename Queue::value_type;

  queue_producer(queue_producer const&) = default;
  queue_producer(queue_producer&&) = default;
  queue_producer& operator=(queue_producer other) noexcept {
    ready_ = std::move(other.ready_);  // first: the former one's thread is at the former queue
    cursor_ = other.cursor_;
    base::operator=(std::move(other));
    return *this;
  }
  ~queue_producer() = default;

  /// As Queue's.
  bool push(value_type const& value) { return push_until(value, deadline::never()); }
  bool push(value_type&& value) { return push_until(std::move(value), deadline::never()); }
  bool push(value_type const& value, stop_token const& stop) { return push_until(value, deadline::never(), stop); }
  bool push(value_type&& value, stop_token const& stop) {
    return push_until(std::move(value), deadline::never(), stop);
  }
  bool try_push(value_type const& value) { return told(queue()->pushed(cursor_, value)); }
  bool try_push(value_type&& value) { return told(queue()->pushed(cursor_, value)); }
  bool push_until(value_type const& value, deadline until, stop_token const& stop = {}) {
    return told(queue()->put(cursor_, value, until, stop));
  }
  bool push_until(value_type&& value, deadline until, stop_token const& stop = {}) {
    return told(queue()->put(cursor_, value, until, stop));
  }
  template <class Rep, class Period, class U>
  bool push_for(U&& value, std::chrono::duration<Rep, Period> const& time, stop_token const& stop = {}) {
    return push_until(std::forward<U>(value), deadline::after(time), stop);
  }

  /// Several at once, and in place, where Queue can: spsc_queue.
  template <class... A>
    requires impl::pushes_several<Queue, A...> std::size_t push_some(A&&... several) {
      return told(queue()->push_some(std::forward<A>(several)...));
    }
  template <class... A>
    requires impl::pushes_several<Queue, A...> std::size_t push_all(A&&... several) {
      return told(queue()->push_all(std::forward<A>(several)...));
    }
  template <class F, class... A>
    requires impl::pushes_in_place<Queue, F, A...>
  bool push_in_place(F make, A&&... limit) { return told(queue()->push_in_place(make, std::forward<A>(limit)...)); }

  /// For poll(2), epoll(7): readable while there is room, or nothing may come in any more. Still owned by this end.
  /// wait_any and wait_set take the end itself.
  ///
  /// It stays readable until a try_push or push of this end has found none; for ever where the queue is closed.
  /// @throws std::system_error  EMFILE, ENFILE, EAGAIN where there can be no further thread
  /// @par Cost  An eventfd and a thread of their own, made for the first who asks, kept as long as this end: the kernel
  /// cannot poll what lies in memory. A wake-up by way of them takes about twice as long as by pop and push.
  int native_handle() { return *this ? ready_.handle(*queue(), side, cursor_) : -1; }

 private:
  template <class, class> friend class impl::blocking_queue;
  friend struct impl::wait_access;
  friend struct impl::queue_end_codec<queue_producer>;

  using base = impl::road_end<Queue>;

  explicit queue_producer(base end) : base(std::move(end)), cursor_(this->seen_queue().push_cursor()) {}

  static constexpr auto side = impl::queue_side::producers;

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

template <class Queue> struct codec<queue_producer<Queue>> : impl::queue_end_codec<queue_producer<Queue>> {};

}  // namespace tandem

#endif  // TANDEM_QUEUE_QUEUE_PRODUCER_HPP
