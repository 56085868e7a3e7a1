// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_QUEUE_QUEUE_CONSUMER_HPP
#define TANDEM_QUEUE_QUEUE_CONSUMER_HPP

#include <chrono>    // for duration
#include <cstddef>   // for size_t
#include <optional>  // for nullopt, optional
#include <utility>   // for forward, move

#include "tandem/core/codec.hpp"               // for codec
#include "tandem/core/deadline.hpp"            // for deadline
#include "tandem/queue/impl/queue_core.hpp"    // for queue_side
#include "tandem/queue/impl/queue_end.hpp"     // for queue_end_codec
#include "tandem/queue/impl/road_end.hpp"      // for road_end
#include "tandem/queue/impl/waitable_end.hpp"  // for waitable_end
#include "tandem/sync/stop_token.hpp"          // for stop_token

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
template <class Queue>
class queue_consumer
    : public impl::waitable_end<queue_consumer<Queue>, impl::road_end<Queue>, Queue, typename Queue::cursor> {
  using end_base = impl::waitable_end<queue_consumer, impl::road_end<Queue>, Queue, typename Queue::cursor>;
  using end_base::cursor, end_base::told;

 public:
  using value_type = typename Queue::value_type;

  /// As Queue's.
  std::optional<value_type> pop() { return pop_until(deadline::never()); }
  std::optional<value_type> pop(stop_token const& stop) { return pop_until(deadline::never(), stop); }
  std::optional<value_type> try_pop() { return told(queue()->taken(cursor())); }
  std::optional<value_type> pop_until(deadline until, stop_token const& stop = {}) {
    return told(queue()->take(cursor(), until, stop));
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
    return told(queue()->try_receive_with(cursor()));
  }
  template <impl::delivers Q = Queue>
  std::optional<typename Q::delivery_type> receive_until(deadline until, stop_token const& stop = {}) {
    return told(queue()->receive_with(cursor(), until, stop));
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

 private:
  template <class, class> friend class impl::blocking_queue;
  friend end_base;
  friend struct impl::queue_end_codec<queue_consumer>;

  using base = impl::road_end<Queue>;

  explicit queue_consumer(base end) : end_base(std::move(end), impl::queue_side::consumers, {}) {
    cursor() = this->seen_queue().pop_cursor();
  }

  auto queue() { return base::queue(impl::queue_side::consumers); }
};

template <class Queue> struct codec<queue_consumer<Queue>> : impl::queue_end_codec<queue_consumer<Queue>> {};

}  // namespace tandem

#endif  // TANDEM_QUEUE_QUEUE_CONSUMER_HPP
