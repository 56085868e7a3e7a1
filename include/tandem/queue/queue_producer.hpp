// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_QUEUE_QUEUE_PRODUCER_HPP
#define TANDEM_QUEUE_QUEUE_PRODUCER_HPP

#include <chrono>   // for duration
#include <cstddef>  // for size_t
#include <utility>  // for forward, move

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
template <class Queue>
class queue_producer
    : public impl::waitable_end<queue_producer<Queue>, impl::road_end<Queue>, Queue, typename Queue::cursor> {
  using end_base = impl::waitable_end<queue_producer, impl::road_end<Queue>, Queue, typename Queue::cursor>;
  using end_base::cursor, end_base::told;

 public:
  using value_type = typename Queue::value_type;

  /// As Queue's.
  bool push(value_type const& value) { return push_until(value, deadline::never()); }
  bool push(value_type&& value) { return push_until(std::move(value), deadline::never()); }
  bool push(value_type const& value, stop_token const& stop) { return push_until(value, deadline::never(), stop); }
  bool push(value_type&& value, stop_token const& stop) {
    return push_until(std::move(value), deadline::never(), stop);
  }
  bool try_push(value_type const& value) { return told(queue()->pushed(cursor(), value)); }
  bool try_push(value_type&& value) { return told(queue()->pushed(cursor(), value)); }
  bool push_until(value_type const& value, deadline until, stop_token const& stop = {}) {
    return told(queue()->put(cursor(), value, until, stop));
  }
  bool push_until(value_type&& value, deadline until, stop_token const& stop = {}) {
    return told(queue()->put(cursor(), value, until, stop));
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

 private:
  template <class, class> friend class impl::blocking_queue;
  friend end_base;
  friend struct impl::queue_end_codec<queue_producer>;

  using base = impl::road_end<Queue>;

  explicit queue_producer(base end) : end_base(std::move(end), impl::queue_side::producers, {}) {
    cursor() = this->seen_queue().push_cursor();
  }

  auto queue() { return base::queue(impl::queue_side::producers); }
};

template <class Queue> struct codec<queue_producer<Queue>> : impl::queue_end_codec<queue_producer<Queue>> {};

}  // namespace tandem

#endif  // TANDEM_QUEUE_QUEUE_PRODUCER_HPP
