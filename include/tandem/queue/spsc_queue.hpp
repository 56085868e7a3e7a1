// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_QUEUE_SPSC_QUEUE_HPP
#define TANDEM_QUEUE_SPSC_QUEUE_HPP

#include <algorithm>  // for min
#include <atomic>     // for atomic
#include <concepts>   // for integral, invocable
#include <cstddef>    // for size_t
#include <cstdint>    // for uint32_t, uint64_t
#include <memory>     // for construct_at
#include <span>       // for span
#include <utility>    // for move

#include "tandem/core/deadline.hpp"                // for deadline
#include "tandem/core/shareable.hpp"               // for enable_shareable
#include "tandem/memory/commons.hpp"               // for commons
#include "tandem/memory/impl/token.hpp"            // for token
#include "tandem/queue/impl/blocking_queue.hpp"    // for blocking_queue
#include "tandem/queue/impl/element.hpp"           // for element, is_in_place
#include "tandem/queue/impl/position.hpp"          // for position
#include "tandem/queue/impl/step.hpp"              // for step
#include "tandem/queue/queue_consumer.hpp"         // for queue_consumer
#include "tandem/queue/queue_producer.hpp"         // for queue_producer
#include "tandem/sync/impl/light_event_count.hpp"  // for light_event_count
#include "tandem/sync/stop_token.hpp"              // for stop_token

namespace tandem {

/// A queue of so many elements from one producer to one consumer, threads or processes: the fastest road, one at a time
/// or in batches (the ring of Lamport 1983). Never waits for the dead.
///
///     tandem::shared<tandem::spsc_queue<sample>> samples(4096);
///     samples->push_all(batch);                                   // std::span<sample const>
///     while (std::size_t n = samples->pop_some(room)) use(room.first(n));
///
/// Elements lie as in a bounded_queue; so do ends, and how they close it.
/// @tparam T  transferable; where it may have descriptors in it, ends are made by the process that made the queue
/// @pre one thread at a time uses each side: its successor comes behind it, by join or the like
/// @par Shared memory          Yes: make it a shared<spsc_queue<T>>, or a member of what you share.
/// @par Threads and processes  One producer and one consumer at a time; close() and is_closed() by all.
/// @par Peer death             At any instruction: the other side does not hang, and no element is torn. What a dead
///                             producer was putting in never comes. What a dead consumer was taking out comes again, or
///                             is lost, where another one takes its place.
template <class T> class spsc_queue : public impl::blocking_queue<spsc_queue<T>, T> {
 public:
  /// @throws std::invalid_argument where `capacity` is not between 1 and max_capacity(); std::bad_alloc where the
  /// commons are full
  template <std::integral N>
  explicit spsc_queue(N capacity)
      : capacity_(this->checked(capacity)),
        elements_(static_cast<element*>(commons().allocate(capacity_ * sizeof(element), alignment))) {
    for (std::uint32_t i = 0; i < capacity_; ++i) std::construct_at(elements_ + i);
  }
  spsc_queue(spsc_queue const&) = delete;
  spsc_queue& operator=(spsc_queue const&) = delete;
  /// Destroys what is left in it. @pre nobody uses it, and no end is left where it is not itself a shared<>'s object
  ~spsc_queue() {
    cursor unused;
    for (;;) {
      try {
        if (pop_once(unused, [](T const&) {}) != impl::step::done) break;
      } catch (...) {}  // an element that cannot be decoded is gone as well
    }
    commons().deallocate(elements_);
  }

  std::size_t capacity() const noexcept { return capacity_; }

  /// How many elements are in it, at some moment during the call.
  std::size_t size() const noexcept {
    for (;;) {
      impl::position const head(head_.at.load(std::memory_order_acquire));
      impl::position const tail(tail_.at.load(std::memory_order_acquire));
      if (head.bits() == head_.at.load(std::memory_order_acquire)) return tail.since(head, capacity_);
    }
  }

  // ---- several at once: the other side is told once

  /// Appends as many of `values`, from the first on, as there is room for, and at least one, as soon as there is room.
  /// Returns how many; 0 where nothing may come in any more, or `values` is empty.
  /// @throws as push: those before have been appended
  std::size_t push_some(std::span<T const> values, deadline until = deadline::never(), stop_token const& stop = {}) {
    std::size_t count = 0;
    if (values.empty()) return 0;
    auto const attempt = [&] { return put_some(values, count); };
    if (attempt() == impl::step::not_now) this->wait_to_put(unused_, attempt, until, stop);
    return count;
  }

  /// Appends all of `values`; returns how many, which is fewer only where nothing may come in any more, the time is up,
  /// or a stop was requested.
  std::size_t push_all(std::span<T const> values, deadline until = deadline::never(), stop_token const& stop = {}) {
    std::size_t done = 0;
    while (done < values.size()) {
      std::size_t const more = push_some(values.subspan(done), until, stop);
      if (more == 0) break;
      done += more;
    }
    return done;
  }

  /// Takes as many elements as are there into `room`, and at least one, as soon as there is one. Returns how many; 0
  /// where nothing will come any more, the time is up, or a stop was requested, or `room` is empty.
  /// @throws as pop: those before are in `room`, that one is gone
  std::size_t pop_some(std::span<T> room, deadline until = deadline::never(), stop_token const& stop = {}) {
    std::size_t count = 0;
    if (room.empty()) return 0;
    auto const attempt = [&] { return take_some(room, count); };
    if (attempt() != impl::step::done) this->wait_to_take(unused_, attempt, until, stop);
    return count;
  }

  // ---- in place

  /// Has `make(T&)` write an element where it will lie, of whatever bytes were there. False as push.
  /// @throws what `make` throws: nothing was appended
  template <class F>
    requires(impl::is_in_place<T>&& std::invocable<F&, T&>)
  bool push_in_place(F make, deadline until = deadline::never(), stop_token const& stop = {}) {
    auto const attempt = [&] { return put_in([&](element& here) { make(here.value()); }); };
    auto result = attempt();
    if (result == impl::step::not_now) result = this->wait_to_put(unused_, attempt, until, stop);
    if (result != impl::step::done) return false;
    this->core_.filled.notify_one();
    return true;
  }

  /// Has `use(T&)` read the next element where it lies. False where pop would give none.
  /// @throws what `use` throws: the element is gone
  template <class F>
    requires(impl::is_in_place<T>&& std::invocable<F&, T&>)
  bool pop_in_place(F use, deadline until = deadline::never(), stop_token const& stop = {}) {
    auto const attempt = [&] { return take_out([&](element& here) { use(here.value()); }); };
    bool const done =
        attempt() == impl::step::done || this->wait_to_take(unused_, attempt, until, stop) == impl::step::done;
    if (done) this->core_.emptied.notify_one();
    return done;
  }

 private:
  friend class impl::blocking_queue<spsc_queue, T>;
  friend class queue_producer<spsc_queue>;
  friend class queue_consumer<spsc_queue>;

  using element = impl::element<T>;
  using publisher = impl::light_event_count;

  static constexpr std::size_t alignment = 64;

  /// How far a side has got, and how far it has seen the other to be: the latter saves it a look at the other's line.
  struct alignas(64) side {
    std::atomic<std::uint64_t> at{0};
    impl::position other;
  };

  /// All that a side needs is in the queue.
  struct cursor {};
  cursor push_cursor() const noexcept { return {}; }
  cursor pop_cursor() const noexcept { return {}; }
  cursor& own_push_cursor() noexcept { return unused_; }
  cursor& own_pop_cursor() noexcept { return unused_; }

  /// Where the next one goes; false where there is no room. Looks at the other side where there is less than `wanted`.
  bool find_room(impl::position& at, std::size_t wanted = 1) noexcept {
    at = impl::position(tail_.at.load(std::memory_order_relaxed));
    if (room_behind(at) >= wanted) return true;
    // acquire: pairs with the consumer's publish; its use of the places is over
    tail_.other = impl::position(head_.at.load(std::memory_order_acquire));
    return room_behind(at) != 0;
  }
  bool find_one(impl::position& at, std::size_t wanted = 1) noexcept {
    at = impl::position(head_.at.load(std::memory_order_relaxed));
    if (head_.other.since(at, capacity_) >= wanted) return true;
    // acquire: pairs with the producer's publish
    head_.other = impl::position(tail_.at.load(std::memory_order_acquire));
    return at != head_.other;
  }
  std::uint32_t room_behind(impl::position tail) const noexcept {
    return capacity_ - tail.since(tail_.other, capacity_);
  }

  template <class Make> impl::step put_in(Make make) {
    impl::position at;
    if (this->core_.refuses()) return impl::step::stopped;
    if (!find_room(at)) return impl::step::not_now;
    make(elements_[at.index()]);
    publisher::publish(tail_.at, at.next(capacity_).bits());
    return impl::step::done;
  }

  template <class Use> impl::step take_out(Use use) {
    impl::position at;
    for (;;) {
      if (!find_one(at)) return impl::step::not_now;
      struct left {
        side& head;
        impl::position next;
        ~left() { publisher::publish(head.at, next.bits()); }
      } const at_end{head_, at.next(capacity_)};
      auto& here = elements_[at.index()];
      if (here.is_empty()) continue;  // a consumer died behind it
      use(here);
      return impl::step::done;
    }
  }

  template <class U> impl::step push_once(cursor&, U& value) {
    return put_in([&value](element& here) { here.put(value); });
  }
  template <class Receive> impl::step pop_once(cursor&, Receive receive) {
    return take_out([&receive](element& here) { receive(here.take()); });
  }

  impl::step put_some(std::span<T const> values, std::size_t& count) {
    impl::position at;
    if (this->core_.refuses()) return impl::step::stopped;
    if (!find_room(at, values.size())) return impl::step::not_now;
    std::size_t const most = std::min<std::size_t>(values.size(), room_behind(at));
    struct told {
      spsc_queue& me;
      impl::position& at;
      ~told() {
        publisher::publish(me.tail_.at, at.bits());
        me.core_.filled.notify_one();
      }
    } const at_end{*this, at};
    for (; count < most; ++count, at = at.next(capacity_)) elements_[at.index()].put(values[count]);
    return impl::step::done;
  }

  impl::step take_some(std::span<T> room, std::size_t& count) {
    impl::position at;
    if (!find_one(at, room.size())) return impl::step::not_now;
    struct told {
      spsc_queue& me;
      impl::position& at;
      ~told() {
        publisher::publish(me.head_.at, at.bits());
        me.core_.emptied.notify_one();
      }
    } const at_end{*this, at};
    while (count < room.size() && at != head_.other) {
      auto& here = elements_[at.index()];
      at = at.next(capacity_);
      if (!here.is_empty()) room[count++] = here.take();
    }
    return count != 0 ? impl::step::done : impl::step::not_now;
  }

  bool has_room(cursor) const noexcept { return size() < capacity_; }
  bool has_next(cursor at) const noexcept { return may_come(at); }
  bool may_come(cursor) const noexcept {
    return tail_.at.load(std::memory_order_seq_cst) != head_.at.load(std::memory_order_relaxed);
  }
  impl::token blocked_by(cursor) const noexcept { return 0; }
  bool has_ample_room(cursor) const noexcept { return capacity_ - size() >= capacity_ / 4; }

  std::uint32_t capacity_;
  element* elements_;
  [[no_unique_address]] cursor unused_;
  side tail_, head_;
};

template <class T> inline constexpr bool enable_shareable<spsc_queue<T>> = true;

}  // namespace tandem

#endif  // TANDEM_QUEUE_SPSC_QUEUE_HPP
