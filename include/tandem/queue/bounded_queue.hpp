// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_QUEUE_BOUNDED_QUEUE_HPP
#define TANDEM_QUEUE_BOUNDED_QUEUE_HPP

#include <concepts>  // for integral

#include "tandem/core/shareable.hpp"         // for enable_shareable
#include "tandem/queue/impl/ring.hpp"        // for dead_claims
#include "tandem/queue/impl/ring_queue.hpp"  // for ring_queue
#include "tandem/queue/queue_consumer.hpp"   // for queue_consumer
#include "tandem/queue/queue_producer.hpp"   // for queue_producer

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
template <class T> class bounded_queue : public impl::ring_queue<bounded_queue<T>, T, impl::dead_claims::undone> {
  using base = impl::ring_queue<bounded_queue, T, impl::dead_claims::undone>;

 public:
  /// @throws std::invalid_argument where `capacity` is not between 1 and max_capacity(); std::bad_alloc where the
  /// commons are full
  template <std::integral N> explicit bounded_queue(N capacity) : base(base::checked(capacity)) {}
  bounded_queue(bounded_queue const&) = delete;
  bounded_queue& operator=(bounded_queue const&) = delete;
  /// Destroys what is left in it. @pre nobody uses it, and no end is left where it is not itself a shared<>'s object
  ~bounded_queue() = default;

 private:
  friend class impl::blocking_queue<bounded_queue, T>;
  friend class queue_producer<bounded_queue>;
  friend class queue_consumer<bounded_queue>;
};

template <class T> inline constexpr bool enable_shareable<bounded_queue<T>> = true;

}  // namespace tandem

#endif  // TANDEM_QUEUE_BOUNDED_QUEUE_HPP
