// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_QUEUE_BOUNDED_QUEUE_HPP
#define TANDEM_QUEUE_BOUNDED_QUEUE_HPP

#include <atomic>       // for atomic
#include <chrono>       // for duration, time_point
#include <concepts>     // for integral
#include <cstddef>      // for size_t
#include <cstdint>      // for int64_t, uint32_t, uint64_t
#include <optional>     // for nullopt, optional
#include <stdexcept>    // for invalid_argument
#include <type_traits>  // for is_same_v
#include <utility>      // for cmp_greater, forward, move

#include "tandem/config.hpp"                 // for TANDEM_NOINLINE
#include "tandem/core/codec.hpp"             // for codec
#include "tandem/core/deadline.hpp"          // for deadline
#include "tandem/core/impl/transfer.hpp"     // for require_transferable
#include "tandem/core/shareable.hpp"         // for enable_shareable
#include "tandem/memory/impl/counted.hpp"    // for counted
#include "tandem/memory/impl/objects.hpp"    // for object_in_the_making, objects
#include "tandem/os/clock.hpp"               // for monotonic_ns
#include "tandem/queue/impl/queue_core.hpp"  // for queue_core, queue_side
#include "tandem/queue/impl/queue_end.hpp"   // for queue_end
#include "tandem/queue/impl/ring.hpp"        // for ring, ring_cursors, ring_result
#include "tandem/queue/queue_consumer.hpp"   // for queue_consumer
#include "tandem/queue/queue_producer.hpp"   // for queue_producer
#include "tandem/sync/impl/await.hpp"        // for await
#include "tandem/sync/stop_token.hpp"        // for stop_callback, stop_token

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
/// @tparam T  transferable; descriptors not yet
/// @par Shared memory          Yes: make it a shared<bounded_queue<T>>, or a member of what you share.
/// @par Threads and processes  Every member may be called concurrently, except the destructor.
/// @par Peer death             At any instruction: nobody hangs, no element is torn or comes twice. One that a dead
///                             unit was putting in never comes; one that it was taking out is lost, at most one.
///                             Whoever has to pass its claim undoes that; whoever sleeps is woken by the death.
template <class T> class bounded_queue {
 public:
  using value_type = T;

  /// @throws std::invalid_argument where `capacity` is not between 1 and max_capacity(); std::bad_alloc where the
  /// commons are full
  template <std::integral N> explicit bounded_queue(N capacity) : ring_(checked(capacity)) {
    impl::require_transferable<T>();
    static_assert(std::is_same_v<T, std::remove_cv_t<T>>, "tandem: bounded_queue: T is const or volatile");
    auto const object = impl::object_in_the_making::current();
    if (object != 0 && impl::objects::address(object) == this) object_ = object;
  }
  bounded_queue(bounded_queue const&) = delete;
  bounded_queue& operator=(bounded_queue const&) = delete;
  /// Destroys what is left in it. @pre nobody uses it, and no end is left where it is not itself a shared<T>'s object
  ~bounded_queue() {
    impl::position at = ring_.cursors().pop;
    for (;;) {
      try {
        if (ring_.pop(at, [](T const&) {}) != impl::ring_result::done) break;
      } catch (...) {}  // an element that cannot be decoded is gone as well
    }
  }

  static constexpr std::size_t max_capacity() noexcept { return std::size_t{1} << 31; }
  std::size_t capacity() const noexcept { return ring_.capacity(); }

  // ---- producers

  /// Appends `value`, as soon as there is room. False where the queue is closed, or its last consumer is gone: then
  /// `value` is as it was.
  /// @throws what T's codec throws: nothing was appended, but the place is taken until consumers have passed it;
  /// std::system_error where the thread cannot enrol in the family
  /// @par Blocks  While it is full. @par Cost  Two atomic operations where it is not; a system call more where a
  /// consumer sleeps.
  bool push(T const& value) { return push_until(value, deadline::never()); }
  bool push(T&& value) { return push_until(std::move(value), deadline::never()); }
  /// The same, until a stop is requested: false then.
  bool push(T const& value, stop_token const& stop) { return push_until(value, deadline::never(), stop); }
  bool push(T&& value, stop_token const& stop) { return push_until(std::move(value), deadline::never(), stop); }

  /// The same if there is room at once.
  bool try_push(T const& value) { return pushed(own_cursors().push, value); }
  bool try_push(T&& value) { return pushed(own_cursors().push, value); }

  /// The same if there is room in time.
  bool push_until(T const& value, deadline until, stop_token const& stop = {}) {
    return put(own_cursors().push, value, until, stop);
  }
  bool push_until(T&& value, deadline until, stop_token const& stop = {}) {
    return put(own_cursors().push, value, until, stop);
  }
  template <class Rep, class Period, class U>
  bool push_for(U&& value, std::chrono::duration<Rep, Period> const& time, stop_token const& stop = {}) {
    return push_until(std::forward<U>(value), deadline::after(time), stop);
  }

  // ---- consumers

  /// The next element, as soon as there is one; std::nullopt where the queue is closed and empty.
  /// @throws what T's codec throws: the element is gone; std::system_error where the thread cannot enrol in the family
  /// @par Blocks  While it is empty and not closed. @par Cost  As push.
  std::optional<T> pop() { return pop_until(deadline::never()); }
  /// The same, until a stop is requested and it is empty.
  std::optional<T> pop(stop_token const& stop) { return pop_until(deadline::never(), stop); }

  /// The next element, if there is one at once.
  std::optional<T> try_pop() { return taken(own_cursors().pop); }

  /// The next element, if there is one in time.
  std::optional<T> pop_until(deadline until, stop_token const& stop = {}) {
    return take(own_cursors().pop, until, stop);
  }
  template <class Rep, class Period>
  std::optional<T> pop_for(std::chrono::duration<Rep, Period> const& time, stop_token const& stop = {}) {
    return pop_until(deadline::after(time), stop);
  }

  // ---- its end

  /// Nothing more comes in: push returns false, and pop gives what is left. Does nothing the second time.
  void close() noexcept { core_.close(); }
  bool is_closed() const noexcept { return core_.is_closed(); }

  /// One more end for a unit that puts in, or takes out: an argument, a result, an element of another queue. Keeps the
  /// queue alive where that is itself the object of a shared<bounded_queue<T>>.
  /// @throws std::bad_alloc; std::system_error where the process cannot enrol in the family
  queue_producer<bounded_queue> producer() {
    return queue_producer<bounded_queue>({*this, kept(), core_.take_seat(impl::queue_side::producers)});
  }
  queue_consumer<bounded_queue> consumer() {
    return queue_consumer<bounded_queue>({*this, kept(), core_.take_seat(impl::queue_side::consumers)});
  }

 private:
  template <class> friend class impl::queue_end;
  friend class queue_producer<bounded_queue>;
  friend class queue_consumer<bounded_queue>;

  template <class N> static std::uint32_t checked(N capacity) {
    if (capacity <= 0 || std::cmp_greater(capacity, max_capacity()))
      throw std::invalid_argument{"tandem: bounded_queue: capacity is not between 1 and 2^31"};
    return static_cast<std::uint32_t>(capacity);
  }

  impl::counted<bounded_queue> kept() {
    if (object_ == 0) return {};
    return impl::counted<bounded_queue>::lock(object_, impl::objects::generation(object_));
  }

  /// Those of this thread, for who uses the queue without an end.
  impl::ring_cursors& own_cursors() noexcept {
    struct known {
      std::uint64_t queue = 0;
      impl::ring_cursors cursors;
    };
    thread_local constinit known table[4]{};
    known& mine = table[id_ % 4];
    if (mine.queue != id_) mine = {id_, ring_.cursors()};
    return mine.cursors;
  }

  template <class U> impl::ring_result push_once(impl::position& cursor, U& value) {
    if (core_.refuses()) return impl::ring_result::stopped;
    return ring_.push(cursor, value, [this] { return core_.refuses(); });
  }

  template <class U> bool pushed(impl::position& cursor, U& value) {
    if (push_once(cursor, value) != impl::ring_result::done) return false;
    core_.filled.notify_one();
    return true;
  }

  template <class U> bool put(impl::position& cursor, U& value, deadline until, stop_token const& stop) {
    auto result = push_once(cursor, value);
    if (result == impl::ring_result::not_now) result = wait_to_put(cursor, value, until, stop);
    if (result != impl::ring_result::done) return false;
    core_.filled.notify_one();
    return true;
  }

  template <class U>
  TANDEM_NOINLINE impl::ring_result wait_to_put(impl::position& cursor, U& value, deadline until,
                                                stop_token const& stop) {
    auto result = impl::ring_result::not_now;
    stop_callback const wake(stop, [this] { core_.emptied.notify_all(); });
    impl::await(
        core_.emptied, until.since_epoch_ns(),
        [&] {
          result = push_once(cursor, value);
          return result != impl::ring_result::not_now || stop.stop_requested();
        },
        [&](impl::token* owners) { return watch(impl::queue_side::consumers, cursor, owners); });
    return result;
  }

  std::optional<T> taken(impl::position& cursor) {
    std::optional<T> result;
    if (pop_once(cursor, result) == impl::ring_result::done) core_.emptied.notify_one();
    return result;
  }

  impl::ring_result pop_once(impl::position& cursor, std::optional<T>& result) {
    return ring_.pop(cursor, [&result](T value) { result.emplace(std::move(value)); });
  }

  std::optional<T> take(impl::position& cursor, deadline until, stop_token const& stop) {
    std::optional<T> result;
    if (pop_once(cursor, result) != impl::ring_result::done) wait_to_take(cursor, result, until, stop);
    if (result) core_.emptied.notify_one();
    return result;
  }

  TANDEM_NOINLINE void wait_to_take(impl::position& cursor, std::optional<T>& result, deadline until,
                                    stop_token const& stop) {
    stop_callback const wake(stop, [this] { core_.filled.notify_all(); });
    impl::await(
        core_.filled, until.since_epoch_ns(),
        [&] {
          if (pop_once(cursor, result) == impl::ring_result::done) return true;
          if (stop.stop_requested()) return true;
          if (!core_.is_closed()) return false;
          // Who claims a slot looks behind that whether it is closed: what is not claimed now will not come.
          return pop_once(cursor, result) == impl::ring_result::done || !ring_.is_claimed(cursor);
        },
        [&](impl::token* owners) { return watch(impl::queue_side::producers, cursor, owners); });
  }

  unsigned watch(impl::queue_side side, impl::position cursor, impl::token* owners) noexcept {
    unsigned count = core_.watch(side, owners);
    impl::token const in_the_way = ring_.waits_for(cursor);
    if (in_the_way != 0) owners[count++] = in_the_way;
    return count;
  }

  std::uint64_t id_ = static_cast<std::uint64_t>(os::monotonic_ns()) * 0x9e3779b97f4a7c15U ^
                      reinterpret_cast<std::uintptr_t>(this);  // tells it from others that lie here before or after
  std::uint32_t object_ = 0;                                   // of the table of shared objects; 0: it is none itself
  impl::ring<T> ring_;
  alignas(64) impl::queue_core core_;
};

template <class T> inline constexpr bool enable_shareable<bounded_queue<T>> = true;

}  // namespace tandem

#endif  // TANDEM_QUEUE_BOUNDED_QUEUE_HPP
