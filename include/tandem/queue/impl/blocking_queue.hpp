// SPDX-License-Identifier: BSL-1.0
// What the queues have in common: their members, over the steps that each of them takes in its own way.
#ifndef TANDEM_QUEUE_IMPL_BLOCKING_QUEUE_HPP
#define TANDEM_QUEUE_IMPL_BLOCKING_QUEUE_HPP

#include <chrono>       // for duration
#include <concepts>     // for integral
#include <cstddef>      // for size_t
#include <cstdint>      // for uint32_t
#include <optional>     // for nullopt, optional
#include <stdexcept>    // for invalid_argument
#include <type_traits>  // for is_same_v, remove_cv_t
#include <utility>      // for cmp_greater, exchange, forward, move

#include "tandem/config.hpp"                      // for TANDEM_NOINLINE
#include "tandem/core/deadline.hpp"               // for deadline
#include "tandem/core/impl/transfer.hpp"          // for may_carry_descriptors, require_transferable
#include "tandem/memory/impl/counted.hpp"         // for counted
#include "tandem/memory/impl/objects.hpp"         // for object_in_the_making, objects
#include "tandem/memory/impl/participants.hpp"    // for participants
#include "tandem/memory/impl/token.hpp"           // for token
#include "tandem/queue/impl/descriptor_road.hpp"  // for own_road_of, road_of
#include "tandem/queue/impl/queue_core.hpp"       // for queue_core, queue_side
#include "tandem/queue/impl/queue_end.hpp"        // for queue_end
#include "tandem/queue/impl/step.hpp"             // for step
#include "tandem/queue/queue_consumer.hpp"        // for queue_consumer
#include "tandem/queue/queue_producer.hpp"        // for queue_producer
#include "tandem/sync/impl/await.hpp"             // for await
#include "tandem/sync/impl/spin.hpp"              // for backoff, spinning_helps
#include "tandem/sync/stop_token.hpp"             // for stop_callback, stop_token

namespace tandem::impl {

/// Base of `Queue`, which has a type `cursor`, what one side remembers between its steps, and
///
///   own_push_cursor, own_pop_cursor   those of who uses the queue without an end; by reference
///   push_cursor, pop_cursor           for a new end
///   push_once(cursor, value)          a step
///   pop_once(cursor, receive)         a step
///   has_room(cursor), has_next(cursor)  whether such a step would be done
///   may_come(cursor)                  of one that is closed: whether there is something, or somebody is at it
///   blocked_by(cursor)                whose claim the last step met; 0: none
///   has_ample_room(cursor)            whether one that met a full queue should try again
template <class Queue, class T> class blocking_queue {
 public:
  using value_type = T;

  static constexpr std::size_t max_capacity() noexcept { return std::size_t{1} << 31; }

  // ---- producers

  /// Appends `value`, as soon as there is room. False where the queue is closed, or its last consumer is gone: then
  /// `value` is as it was.
  /// @throws what T's codec throws: nothing was appended; std::system_error where the thread cannot enrol in the family
  /// @par Blocks  While it is full. @par Cost  One or two atomic operations where it is not; a system call more where a
  /// consumer sleeps.
  bool push(T const& value) { return push_until(value, deadline::never()); }
  bool push(T&& value) { return push_until(std::move(value), deadline::never()); }
  /// The same, until a stop is requested: false then.
  bool push(T const& value, stop_token const& stop) { return push_until(value, deadline::never(), stop); }
  bool push(T&& value, stop_token const& stop) { return push_until(std::move(value), deadline::never(), stop); }

  /// The same if there is room at once.
  bool try_push(T const& value) { return pushed(self().own_push_cursor(), value); }
  bool try_push(T&& value) { return pushed(self().own_push_cursor(), value); }

  /// The same if there is room in time.
  bool push_until(T const& value, deadline until, stop_token const& stop = {}) {
    return put(self().own_push_cursor(), value, until, stop);
  }
  bool push_until(T&& value, deadline until, stop_token const& stop = {}) {
    return put(self().own_push_cursor(), value, until, stop);
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
  std::optional<T> try_pop() { return taken(self().own_pop_cursor()); }

  /// The next element, if there is one in time.
  std::optional<T> pop_until(deadline until, stop_token const& stop = {}) {
    return take(self().own_pop_cursor(), until, stop);
  }
  template <class Rep, class Period>
  std::optional<T> pop_for(std::chrono::duration<Rep, Period> const& time, stop_token const& stop = {}) {
    return pop_until(deadline::after(time), stop);
  }

  // ---- its end

  /// Nothing more comes in: push returns false, and pop gives what is left. Does nothing the second time. Of a push at
  /// the same moment a bounded_queue's element is either refused or comes out; of the others it may stay inside, where
  /// a consumer has seen the end before.
  void close() noexcept { core_.close(); }
  bool is_closed() const noexcept { return core_.is_closed(); }

  /// One more end for a unit that puts in, or takes out: an argument, a result, an element of another queue. Keeps the
  /// queue alive where that is itself the object of a shared<>.
  /// @throws std::bad_alloc; std::system_error where the process cannot enrol in the family
  queue_producer<Queue> producer() {
    own_road_of<T> side(road_, road_of<T>::in);  // before the seat, which closes the queue where it is left
    return queue_producer<Queue>({self(), kept(), core_.take_seat(queue_side::producers), std::move(side)});
  }
  queue_consumer<Queue> consumer() {
    own_road_of<T> side(road_, road_of<T>::out);
    return queue_consumer<Queue>({self(), kept(), core_.take_seat(queue_side::consumers), std::move(side)});
  }

 protected:
  blocking_queue() {
    require_transferable<T>();
    static_assert(std::is_same_v<T, std::remove_cv_t<T>>, "tandem: a queue's T is const or volatile");
    auto const object = object_in_the_making::current();
    if (object != 0 && objects::address(object) == static_cast<void*>(this)) object_ = object;
  }
  blocking_queue(blocking_queue const&) = delete;
  ~blocking_queue() = default;

  template <std::integral N> static std::uint32_t checked(N capacity) {
    if (capacity <= 0 || std::cmp_greater(capacity, max_capacity()))
      throw std::invalid_argument{"tandem: make a queue: capacity is not between 1 and 2^31"};
    return static_cast<std::uint32_t>(capacity);
  }

  /// Whether it could be done in time: `attempt` takes a step.
  template <class Cursor, class Attempt>
  TANDEM_NOINLINE step wait_to_put(Cursor& cursor, Attempt attempt, deadline until, stop_token const& stop) {
    auto result = step::not_now;
    // To follow the other side element by element would take each cache line away from it.
    for (backoff spin(spinning_helps() ? spins_for_room : 0); !self().has_ample_room(cursor) && spin.pause();) {}
    stop_callback const wake(stop, [this] { core_.emptied.notify_all(); });
    await(
        core_.emptied, until.since_epoch_ns(),
        [&] {
          result = attempt();
          return result != step::not_now || stop.stop_requested();
        },
        [&, slept = false](token* owners) mutable {
          return watch(queue_side::consumers, cursor, owners, std::exchange(slept, true));
        });
    return result;
  }

  template <class Cursor, class Attempt>
  TANDEM_NOINLINE step wait_to_take(Cursor& cursor, Attempt attempt, deadline until, stop_token const& stop) {
    auto result = step::not_now;
    stop_callback const wake(stop, [this] { core_.filled.notify_all(); });
    await(
        core_.filled, until.since_epoch_ns(),
        [&] {
          if (tried(result, attempt) || stop.stop_requested()) return true;
          // It is closed, and looked at once more behind that: what had come before is not left behind.
          return core_.is_closed() && (tried(result, attempt) || !self().may_come(cursor));
        },
        [&, slept = false](token* owners) mutable {
          return watch(queue_side::producers, cursor, owners, std::exchange(slept, true));
        });
    return result;
  }

  /// A hold on it, for an end; empty where it is no object of its own.
  counted<Queue> kept() {
    if (object_ == 0) return {};
    return counted<Queue>::lock(object_, objects::generation(object_));
  }

  template <class Cursor, class U> bool pushed(Cursor& cursor, U& value) {
    if (push_step(cursor, value) != step::done) return false;
    core_.filled.notify_one();
    return true;
  }

  template <class Cursor, class U> bool put(Cursor& cursor, U& value, deadline until, stop_token const& stop) {
    auto result = push_step(cursor, value);
    if (result == step::not_now)
      result = wait_to_put(
          cursor, [&] { return push_step(cursor, value); }, until, stop);
    if (result != step::done) return false;
    core_.filled.notify_one();
    return true;
  }

  template <class Cursor> step pop_into(Cursor& cursor, std::optional<T>& result) {
    return road_.alone(road_of<T>::out, [&] {
      return self().pop_once(cursor, [&result](T value) { result.emplace(std::move(value)); });
    });
  }
  template <class Cursor, class U> step push_step(Cursor& cursor, U& value) {
    return road_.alone(road_of<T>::in, [&] { return self().push_once(cursor, value); });
  }

  template <class Cursor> std::optional<T> taken(Cursor& cursor) {
    std::optional<T> result;
    if (pop_into(cursor, result) == step::done) core_.emptied.notify_one();
    return result;
  }

  template <class Cursor> std::optional<T> take(Cursor& cursor, deadline until, stop_token const& stop) {
    std::optional<T> result;
    if (pop_into(cursor, result) != step::done)
      wait_to_take(
          cursor, [&] { return pop_into(cursor, result); }, until, stop);
    if (result) core_.emptied.notify_one();
    return result;
  }

  queue_core core_;

 private:
  template <class, class> friend class queue_end;
  template <class> friend class road_end;
  template <class, class> friend class readiness;
  template <class, class> friend class own_readiness;
  friend class queue_producer<Queue>;
  friend class queue_consumer<Queue>;

  static constexpr int spins_for_room = 500;

  Queue& self() noexcept { return static_cast<Queue&>(*this); }

  /// Whether a step of an end of that side would not wait: it would be done, or refused.
  template <class Cursor> bool is_ready(queue_side side, Cursor& cursor) {
    return side == queue_side::producers ? (self().has_room(cursor) && road_.has_room()) || core_.refuses()
                                         : self().has_next(cursor) || (core_.is_closed() && !self().may_come(cursor));
  }

  /// Until then, or until `given_up()`; false where that takes too long. It takes nothing: a notification that was
  /// meant for one who does is passed on.
  template <class Cursor, class GivenUp>
  bool wait_until_ready(queue_side side, Cursor& cursor, deadline until, GivenUp given_up) {
    bool const puts = side == queue_side::producers;
    auto& events = puts ? core_.emptied : core_.filled;
    bool const in_time = await(
        events, until.since_epoch_ns(), [&] { return is_ready(side, cursor) || given_up(); },
        [&, slept = false](token* owners) mutable {
          return watch(puts ? queue_side::consumers : queue_side::producers, cursor, owners,
                       std::exchange(slept, true));
        });
    events.notify_one();
    return in_time;
  }

  /// Whoever sleeps on that side looks again.
  void wake_all(queue_side side) noexcept {
    (side == queue_side::producers ? core_.emptied : core_.filled).notify_all();
  }

  template <class Attempt> static bool tried(step& result, Attempt& attempt) {
    result = attempt();
    return result == step::done;
  }

  /// `asks`: what memory cannot tell, from proc(5).
  template <class Cursor> unsigned watch(queue_side side, Cursor& cursor, token* owners, bool asks) noexcept {
    unsigned count = core_.watch(side, owners, asks);
    if constexpr (requires { self().watch_more(side, owners); }) count += self().watch_more(side, owners + count);
    token const in_the_way = self().blocked_by(cursor);
    if (in_the_way == 0) return count;
    if (asks) participants::prove_ended(in_the_way);
    owners[count++] = in_the_way;
    return count;
  }

  [[no_unique_address]] road_of<T> road_;
  std::uint32_t object_ = 0;  // of the table of shared objects; 0: it is none itself
};

}  // namespace tandem::impl

#endif  // TANDEM_QUEUE_IMPL_BLOCKING_QUEUE_HPP
