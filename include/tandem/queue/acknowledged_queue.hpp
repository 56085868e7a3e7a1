// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_QUEUE_ACKNOWLEDGED_QUEUE_HPP
#define TANDEM_QUEUE_ACKNOWLEDGED_QUEUE_HPP

#include <atomic>     // for atomic
#include <chrono>     // for duration
#include <concepts>   // for integral
#include <cstdint>    // for uint32_t, uint64_t
#include <memory>     // for construct_at
#include <optional>   // for nullopt, optional
#include <stdexcept>  // for invalid_argument
#include <utility>    // for cmp_greater, move

#include "tandem/core/deadline.hpp"               // for deadline
#include "tandem/core/shareable.hpp"              // for enable_shareable
#include "tandem/memory/commons.hpp"              // for commons
#include "tandem/memory/impl/participants.hpp"    // for participants
#include "tandem/memory/impl/token.hpp"           // for token
#include "tandem/queue/delivery.hpp"              // for delivery
#include "tandem/queue/impl/descriptor_road.hpp"  // for needs_road
#include "tandem/queue/impl/position.hpp"         // for position
#include "tandem/queue/impl/ring.hpp"             // for dead_claims, discard_all, ring
#include "tandem/queue/impl/ring_queue.hpp"       // for ring_queue
#include "tandem/queue/impl/slot.hpp"             // for poison
#include "tandem/queue/impl/step.hpp"             // for step
#include "tandem/queue/queue_consumer.hpp"        // for queue_consumer
#include "tandem/queue/queue_producer.hpp"        // for queue_producer
#include "tandem/sync/stop_token.hpp"             // for stop_token

namespace tandem {

/// A bounded_queue that gives each element at least once: it stays in its place until whoever received it says that it
/// is done with, and goes to another where its receiver dies before. So work is not lost with a worker.
///
///     tandem::shared<tandem::acknowledged_queue<job>> jobs(1024, 3);     // each job at most three times
///     while (auto job = jobs->receive()) {
///       work(**job);
///       job->acknowledge();
///     }
///     while (auto job = jobs->pop_poisoned()) report(*job);              // three workers died of it
///
/// An element that its receiver acknowledges when its effect is complete takes effect twice only where a death comes
/// between the two. One that comes again comes in no order. pop() acknowledges at once: what it has given to one that
/// dies is gone.
///
/// Closed, it ends where all is acknowledged: receive() waits for what others have in hand, which may come back; but
/// for nobody where the calling thread has something in hand itself. Elements in hand take up capacity.
/// @tparam T  transferable, without descriptors. A shm::vector, which bounded_queue hands over, is copied out.
/// @par Shared memory          Yes: make it a shared<acknowledged_queue<T>>, or a member of what you share.
/// @par Threads and processes  Every member may be called concurrently, except the destructor.
/// @par Peer death             At any instruction: nobody hangs, no element is torn or lost. One that a dead unit was
///                             putting in comes or does not. Whoever sleeps finds a dead receiver's elements when it is
///                             woken by the death; whoever is busy, within 32 elements.
/// @par Cost                   As bounded_queue; every 32 elements, and before each sleep, a look at all places.
template <class T>
class acknowledged_queue : public impl::ring_queue<acknowledged_queue<T>, T, impl::dead_claims::kept> {
  using base = impl::ring_queue<acknowledged_queue, T, impl::dead_claims::kept>;

  static_assert(!impl::needs_road<T>(),
                "tandem: acknowledged_queue: a descriptor can be delivered once only: use a bounded_queue");

 public:
  using delivery_type = delivery<T>;

  static constexpr std::uint32_t any_number = UINT32_MAX;

  /// `most_deliveries`: how often an element is delivered before it counts as poison, which kills who works on it, and
  /// is set aside.
  /// @throws std::invalid_argument where `capacity` is not between 1 and max_capacity(), or `most_deliveries` between 1
  /// and 2^32 - 1; std::bad_alloc where the commons are full
  template <std::integral N, std::integral M = std::uint32_t>
  explicit acknowledged_queue(N capacity, M most_deliveries = any_number)
      : base(base::checked(capacity)),
        most_deliveries_(checked_number(most_deliveries)),
        poisoned_(most_deliveries_ == any_number ? 1 : ring_.capacity()),
        deliveries_(ring_.capacity()) {}
  acknowledged_queue(acknowledged_queue const&) = delete;
  acknowledged_queue& operator=(acknowledged_queue const&) = delete;
  /// Destroys what is left in it. @pre nobody uses it, nothing received is in hand, and no end is left where it is not
  /// itself a shared<>'s object
  ~acknowledged_queue() { impl::discard_all(poisoned_); }

  /// The next element, as soon as there is one; std::nullopt where the queue is closed, and nothing is left or may come
  /// back.
  /// @throws what T's codec throws: the element is gone; std::system_error where the thread cannot enrol in the family
  std::optional<delivery<T>> receive() { return receive_until(deadline::never()); }
  /// The same, until a stop is requested and there is none.
  std::optional<delivery<T>> receive(stop_token const& stop) { return receive_until(deadline::never(), stop); }
  /// The next element, if there is one at once.
  std::optional<delivery<T>> try_receive() { return try_receive_with(own_pop_cursor()); }
  /// The next element, if there is one in time.
  std::optional<delivery<T>> receive_until(deadline until, stop_token const& stop = {}) {
    return receive_with(own_pop_cursor(), until, stop);
  }
  template <class Rep, class Period>
  std::optional<delivery<T>> receive_for(std::chrono::duration<Rep, Period> const& time, stop_token const& stop = {}) {
    return receive_until(deadline::after(time), stop);
  }

  /// How many elements were set aside: delivered `most_deliveries` times, and never acknowledged.
  std::uint64_t poisoned() const noexcept { return poisoned_count_.load(std::memory_order_relaxed); }
  /// One of them, as long as it is kept: capacity() are.
  std::optional<T> pop_poisoned() {
    std::optional<T> result;
    impl::position at = poisoned_.pop_hint();
    poisoned_.pop(at, [&result](T value) { result.emplace(std::move(value)); });
    return result;
  }

 private:
  friend class impl::blocking_queue<acknowledged_queue, T>;
  friend class queue_producer<acknowledged_queue>;
  friend class queue_consumer<acknowledged_queue>;
  friend class delivery<T>;

  using base::own_pop_cursor;
  using base::ring_;
  using typename base::cursor;

  /// Who has what was given back: nobody.
  static constexpr impl::token nobody = impl::poison;
  static constexpr std::uint32_t look_every = 32;

  /// In the commons, by index.
  class counters {
   public:
    explicit counters(std::uint32_t count)
        : first_(static_cast<std::atomic<std::uint32_t>*>(commons().allocate(count * sizeof(*first_)))) {
      for (std::uint32_t i = 0; i < count; ++i) std::construct_at(first_ + i, 0U);
    }
    counters(counters const&) = delete;
    ~counters() { commons().deallocate(first_); }
    std::atomic<std::uint32_t>& operator[](impl::position at) noexcept { return first_[at.index()]; }

   private:
    std::atomic<std::uint32_t>* first_;
  };

  template <std::integral M> static std::uint32_t checked_number(M most_deliveries) {
    if (most_deliveries <= 0 || std::cmp_greater(most_deliveries, any_number))
      throw std::invalid_argument{"tandem: make a queue: most_deliveries is not between 1 and 2^32 - 1"};
    return static_cast<std::uint32_t>(most_deliveries);
  }

  template <class Receive> impl::step pop_once(cursor& at, Receive receive) {
    auto next = try_receive_with(at);
    if (!next) return impl::step::not_now;
    next->acknowledge();
    receive(std::move(**next));
    return impl::step::done;
  }

  std::optional<delivery<T>> try_receive_with(cursor& at) {
    std::optional<delivery<T>> result;
    if (!deliver(at, result) && look_for_orphans()) deliver(at, result);
    return result;
  }

  std::optional<delivery<T>> receive_with(cursor& at, deadline until, stop_token const& stop) {
    std::optional<delivery<T>> result;
    auto const attempt = [&] { return deliver(at, result) ? impl::step::done : impl::step::not_now; };
    if (attempt() != impl::step::done) this->wait_to_take(at, attempt, until, stop);
    return result;
  }

  bool deliver(cursor& at, std::optional<delivery<T>>& result) {
    for (impl::position mine; claim(at, mine);) {
      auto const number = deliveries_[mine].fetch_add(1, std::memory_order_relaxed) + 1;
      auto& here = ring_.element_at(mine);
      if (here.is_empty()) {  // acknowledged by one that died on the way
        remove(mine);
      } else if (number > most_deliveries_) {
        set_aside(mine);
      } else {
        try {
          result.emplace(delivery<T>(*this, mine, impl::participants::self(), number, here.read()));
        } catch (...) {
          remove(mine);
          throw;
        }
        return true;
      }
    }
    return false;
  }

  /// One that came back, or the next one.
  bool claim(cursor& at, impl::position& mine) {
    if (orphans_.load(std::memory_order_seq_cst) && adopt(mine)) return true;
    if (!ring_.claim(at, mine)) return false;
    if (mine.index() % look_every == 0) look_for_orphans();
    return true;
  }

  static bool is_orphan(impl::token reader) noexcept {
    return reader == nobody || impl::participants::has_ended(reader);
  }

  /// Calls `visit(place, reader)` for each that is in somebody's hands, until it returns true; whether it did.
  template <class Visit> bool any_in_hand(Visit visit) {
    for (std::uint32_t i = 0; i < ring_.capacity(); ++i) {
      impl::position place;
      impl::token const reader = ring_.reader_at(i, place);
      if (reader != 0 && visit(place, reader)) return true;
    }
    return false;
  }

  bool adopt(impl::position& mine) {
    impl::token const me = impl::participants::self();
    orphans_.store(false, std::memory_order_seq_cst);  // before the look: what comes behind it is told of again
    bool adopted = false;
    any_in_hand([&](impl::position place, impl::token reader) {
      if (!is_orphan(reader)) return false;
      if (adopted) {  // there are more
        orphans_.store(true, std::memory_order_seq_cst);
        return true;
      }
      adopted = ring_.adopt(place, reader, me);
      if (adopted) mine = place;
      return false;
    });
    return adopted;
  }

  bool look_for_orphans() {
    bool const there = any_in_hand([](impl::position, impl::token reader) { return is_orphan(reader); });
    if (there) orphans_.store(true, std::memory_order_seq_cst);
    return there;
  }

  void set_aside(impl::position mine) {
    try {
      T value = ring_.element_at(mine).read();
      impl::position at = poisoned_.push_hint();
      poisoned_.push(at, value, [] { return false; });
    } catch (...) {}  // it cannot be decoded, or there is no memory: counted only
    poisoned_count_.fetch_add(1, std::memory_order_relaxed);
    remove(mine);
  }

  /// @pre it is the calling thread's
  void remove(impl::position mine) noexcept {
    ring_.element_at(mine).discard();
    deliveries_[mine].store(0, std::memory_order_relaxed);
    ring_.empty(mine);
    this->core_.emptied.notify_one();
    if (this->core_.is_closed()) this->core_.filled.notify_all();  // it was perhaps the last that others waited for
  }

  bool acknowledge(impl::position at, impl::token owner) {
    // A living one's claim is nobody else's to adopt; of another thread's, whether it lives can change meanwhile.
    impl::token const me = impl::participants::self();
    if (me != owner && !ring_.adopt(at, owner, me)) return false;
    remove(at);
    return true;
  }

  void give_back(impl::position at, impl::token owner) noexcept {
    if (!ring_.adopt(at, owner, nobody)) return;
    orphans_.store(true, std::memory_order_seq_cst);
    this->core_.filled.notify_one();
  }

  // ---- as blocking_queue asks

  bool has_next(cursor& at) { return orphans_.load(std::memory_order_seq_cst) || base::has_next(at); }
  bool may_come(cursor at) {
    if (base::may_come(at)) return true;
    impl::token const me = impl::participants::self();
    bool others = false;
    bool const i = any_in_hand([&](impl::position, impl::token reader) {
      others = true;
      return reader == me;
    });
    return others && !i;
  }

  /// Those who have something in hand, which comes back with their death.
  unsigned watch_more(impl::queue_side side, impl::token* owners) {
    bool const found = look_for_orphans();
    if (side == impl::queue_side::consumers) {
      if (found) this->core_.filled.notify_one();
      return 0;
    }
    unsigned count = 0;
    any_in_hand([&](impl::position, impl::token reader) {
      if (reader != nobody && (count == 0 || owners[count - 1] != reader)) owners[count++] = reader;
      return count == most_watched;
    });
    return count;
  }
  static constexpr unsigned most_watched = 60;

  std::uint32_t const most_deliveries_;
  std::atomic<bool> orphans_{false};  // a hint: somebody has seen one
  std::atomic<std::uint64_t> poisoned_count_{0};
  impl::ring<T> poisoned_;
  counters deliveries_;
};

template <class T> inline constexpr bool enable_shareable<acknowledged_queue<T>> = true;

}  // namespace tandem

#endif  // TANDEM_QUEUE_ACKNOWLEDGED_QUEUE_HPP
