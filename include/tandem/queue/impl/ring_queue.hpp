// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_QUEUE_IMPL_RING_QUEUE_HPP
#define TANDEM_QUEUE_IMPL_RING_QUEUE_HPP

#include <cstddef>  // for size_t
#include <cstdint>  // for uint32_t

#include "tandem/memory/impl/token.hpp"          // for token
#include "tandem/queue/impl/blocking_queue.hpp"  // for blocking_queue
#include "tandem/queue/impl/own_cursors.hpp"     // for known_cursors, own_cursors, queue_id
#include "tandem/queue/impl/position.hpp"        // for position
#include "tandem/queue/impl/ring.hpp"            // for dead_claims, discard_all, ring
#include "tandem/queue/impl/step.hpp"            // for step

namespace tandem::impl {

/// What queues over a ring have in common; base of `Queue`, which may take out in another way.
template <class Queue, class T, dead_claims Dead> class ring_queue : public blocking_queue<Queue, T> {
 public:
  std::size_t capacity() const noexcept { return ring_.capacity(); }

 protected:
  using cursor = position;

  explicit ring_queue(std::uint32_t capacity) : ring_(capacity) {}
  ~ring_queue() { discard_all(ring_); }

  cursor push_cursor() const noexcept { return ring_.push_hint(); }
  cursor pop_cursor() const noexcept { return ring_.pop_hint(); }
  cursor& own_push_cursor() noexcept { return of_this_thread().push; }
  cursor& own_pop_cursor() noexcept { return of_this_thread().pop; }

  template <class U> step push_once(cursor& at, U& value) {
    if (this->core_.refuses()) return step::stopped;
    return ring_.push(at, value, [this] { return this->core_.refuses(); });
  }
  template <class Receive> step pop_once(cursor& at, Receive receive) { return ring_.pop(at, receive); }

  bool has_room(cursor& at) { return ring_.has_room(at); }
  bool has_next(cursor& at) { return ring_.has_next(at); }
  bool may_come(cursor at) const noexcept { return ring_.is_claimed(at); }
  token blocked_by(cursor at) const noexcept { return ring_.waits_for(at); }
  bool has_ample_room(cursor at) const noexcept { return ring_.has_ample_room(at); }

 private:
  known_cursors<cursor>& of_this_thread() noexcept {
    return own_cursors<cursor>(id_, [this] { return known_cursors<cursor>{0, push_cursor(), pop_cursor()}; });
  }

  queue_id id_{this};

 protected:
  ring<T, Dead> ring_;
};

}  // namespace tandem::impl

#endif  // TANDEM_QUEUE_IMPL_RING_QUEUE_HPP
