// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_QUEUE_QUEUE_CONSUMER_HPP
#define TANDEM_QUEUE_QUEUE_CONSUMER_HPP

#include <chrono>    // for duration
#include <cstddef>   // for size_t
#include <cstdint>   // for uint32_t, uint64_t
#include <optional>  // for optional
#include <utility>   // for move

#include "tandem/core/codec.hpp"             // for codec, reader, writer
#include "tandem/core/deadline.hpp"          // for deadline
#include "tandem/queue/impl/queue_core.hpp"  // for queue_side
#include "tandem/queue/impl/queue_end.hpp"   // for queue_end
#include "tandem/sync/stop_token.hpp"        // for stop_token

namespace tandem {

namespace impl {
template <class, class> class blocking_queue;
}

/// The end of a queue that a consumer has. A copy is one more end; when the last one is gone, the queue takes nothing
/// more.
/// @par Shared memory          No: it belongs to its process. It is transferable.
/// @par Threads and processes  One thread at a time; each takes a copy.
/// @par Peer death             The ends of a dead process are gone: see bounded_queue.
template <class Queue> class queue_consumer {
 public:
  using value_type = typename Queue::value_type;

  /// As Queue's.
  std::optional<value_type> pop() { return pop_until(deadline::never()); }
  std::optional<value_type> pop(stop_token const& stop) { return pop_until(deadline::never(), stop); }
  std::optional<value_type> try_pop() { return queue().taken(cursor_); }
  std::optional<value_type> pop_until(deadline until, stop_token const& stop = {}) {
    return queue().take(cursor_, until, stop);
  }
  template <class Rep, class Period>
  std::optional<value_type> pop_for(std::chrono::duration<Rep, Period> const& time, stop_token const& stop = {}) {
    return pop_until(deadline::after(time), stop);
  }

  void close() noexcept { end_.queue().close(); }
  bool is_closed() const noexcept { return end_.queue().is_closed(); }
  std::size_t capacity() const noexcept { return end_.queue().capacity(); }

  /// Whether it is an end: not moved from.
  explicit operator bool() const noexcept { return static_cast<bool>(end_); }

 private:
  template <class, class> friend class impl::blocking_queue;
  friend struct codec<queue_consumer>;

  explicit queue_consumer(impl::queue_end<Queue> end) : end_(std::move(end)), cursor_(end_.queue().pop_cursor()) {}

  Queue& queue() { return end_.queue(impl::queue_side::consumers); }

  impl::queue_end<Queue> end_;
  typename Queue::cursor cursor_;
};

/// Travels as a handle: the receiver has an end of its own.
template <class Queue> struct codec<queue_consumer<Queue>> {
  static constexpr std::size_t least_size = 2 * sizeof(std::uint32_t) + sizeof(std::uint64_t);
  static constexpr bool carries_descriptors = false;

  static void encode(writer& to, queue_consumer<Queue> const& value) { value.end_.encode(to); }
  static queue_consumer<Queue> decode(reader& from) {
    return queue_consumer<Queue>(impl::queue_end<Queue>::decode(from));
  }
};

}  // namespace tandem

#endif  // TANDEM_QUEUE_QUEUE_CONSUMER_HPP
