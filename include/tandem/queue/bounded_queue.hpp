// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_QUEUE_BOUNDED_QUEUE_HPP
#define TANDEM_QUEUE_BOUNDED_QUEUE_HPP

#include <concepts>  // for integral
#include <cstddef>   // for size_t

#include "tandem/core/shareable.hpp"             // for enable_shareable
#include "tandem/memory/impl/token.hpp"          // for token
#include "tandem/queue/impl/blocking_queue.hpp"  // for blocking_queue
#include "tandem/queue/impl/own_cursors.hpp"     // for known_cursors, own_cursors, queue_id
#include "tandem/queue/impl/position.hpp"        // for position
#include "tandem/queue/impl/ring.hpp"            // for ring
#include "tandem/queue/impl/step.hpp"            // for step
#include "tandem/queue/queue_consumer.hpp"       // for queue_consumer
#include "tandem/queue/queue_producer.hpp"       // for queue_producer

namespace tandem {

/// A queue of so many elements, for any number of producers and consumers, in threads and in processes (P0260, a
/// bounded concurrent queue). Never waits for the dead.
///
///     tandem::shared<tandem::bounded_queue<std::string>> words(16);
///     words->push("thread");
///     while (auto word = words->pop()) use(*word);      // to the end: until it is closed and empty
///
/// Each producer's elements come out in their order. Elements lie in the commons: flat ones in their places, any other
/// transferable T encoded, in a block of its own; a shm::vector, or a shared<T>, travels by its number, however large.
///
/// Used as it is, a queue ends by close(). Given to units as *ends*, by producer() and consumer(), it closes by itself
/// when its last producer is gone, and refuses when its last consumer is: destroyed, or dead. Make an end for each unit
/// before the first of them can be done, or keep one.
/// @tparam T  transferable; where it may have descriptors in it, ends are made by the process that made the queue
/// @par Shared memory          Yes: make it a shared<bounded_queue<T>>, or a member of what you share.
/// @par Threads and processes  Every member may be called concurrently, except the destructor.
/// @par Peer death             At any instruction: nobody hangs, no element is torn or comes twice. One that a dead
///                             unit was putting in never comes; one that it was taking out is lost, at most one.
///                             Whoever has to pass its claim undoes that; whoever sleeps is woken by the death.
template <class T> class bounded_queue : public impl::blocking_queue<bounded_queue<T>, T> {
 public:
  /// @throws std::invalid_argument where `capacity` is not between 1 and max_capacity(); std::bad_alloc where the
  /// commons are full
  template <std::integral N> explicit bounded_queue(N capacity) : ring_(this->checked(capacity)) {}
  bounded_queue(bounded_queue const&) = delete;
  bounded_queue& operator=(bounded_queue const&) = delete;
  /// Destroys what is left in it. @pre nobody uses it, and no end is left where it is not itself a shared<>'s object
  ~bounded_queue() { impl::discard_all(ring_); }

  std::size_t capacity() const noexcept { return ring_.capacity(); }

 private:
  friend class impl::blocking_queue<bounded_queue, T>;
  friend class queue_producer<bounded_queue>;
  friend class queue_consumer<bounded_queue>;

  using cursor = impl::position;

  cursor push_cursor() const noexcept { return ring_.push_hint(); }
  cursor pop_cursor() const noexcept { return ring_.pop_hint(); }

  static impl::known_cursors<cursor>& own_cursors_of(bounded_queue const& me) noexcept {
    return impl::own_cursors<cursor>(me.id_, [&me] {
      return impl::known_cursors<cursor>{0, me.push_cursor(), me.pop_cursor()};
    });
  }
  cursor& own_push_cursor() noexcept { return own_cursors_of(*this).push; }
  cursor& own_pop_cursor() noexcept { return own_cursors_of(*this).pop; }

  template <class U> impl::step push_once(cursor& at, U& value) {
    if (this->core_.refuses()) return impl::step::stopped;
    return ring_.push(at, value, [this] { return this->core_.refuses(); });
  }
  template <class Receive> impl::step pop_once(cursor& at, Receive receive) { return ring_.pop(at, receive); }

  bool has_room(cursor& at) { return ring_.has_room(at); }
  bool has_next(cursor& at) { return ring_.has_next(at); }
  bool may_come(cursor at) const noexcept { return ring_.is_claimed(at); }
  impl::token blocked_by(cursor at) const noexcept { return ring_.waits_for(at); }
  bool has_ample_room(cursor at) const noexcept { return ring_.has_ample_room(at); }

  impl::queue_id id_{this};
  impl::ring<T> ring_;
};

template <class T> inline constexpr bool enable_shareable<bounded_queue<T>> = true;

}  // namespace tandem

#endif  // TANDEM_QUEUE_BOUNDED_QUEUE_HPP
