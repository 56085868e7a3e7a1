// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_QUEUE_BROADCAST_QUEUE_HPP
#define TANDEM_QUEUE_BROADCAST_QUEUE_HPP

#include <atomic>    // for atomic
#include <concepts>  // for integral
#include <cstddef>   // for size_t
#include <cstdint>   // for int32_t, uint32_t, uint64_t
#include <memory>    // for construct_at

#include "tandem/core/shareable.hpp"               // for enable_shareable
#include "tandem/memory/commons.hpp"               // for commons
#include "tandem/memory/impl/participants.hpp"     // for participants
#include "tandem/memory/impl/token.hpp"            // for token
#include "tandem/queue/broadcast_consumer.hpp"     // for broadcast_consumer
#include "tandem/queue/consumer_lagged.hpp"        // for consumer_lagged, lag
#include "tandem/queue/impl/blocking_queue.hpp"    // for blocking_queue
#include "tandem/queue/impl/element.hpp"           // for is_in_place
#include "tandem/queue/impl/own_cursors.hpp"       // for known_cursors, own_cursors, queue_id
#include "tandem/queue/impl/position.hpp"          // for position
#include "tandem/queue/impl/racy_copy.hpp"         // for racy_copy
#include "tandem/queue/impl/readiness.hpp"         // for own_readiness, readiness
#include "tandem/queue/impl/slot.hpp"              // for poison, slot_state, slot_word
#include "tandem/queue/impl/step.hpp"              // for step
#include "tandem/queue/impl/subscriptions.hpp"     // for subscription, subscription_cursor, subscriptions
#include "tandem/queue/queue_producer.hpp"         // for queue_producer
#include "tandem/sync/impl/light_event_count.hpp"  // for light_event_count

namespace tandem {

/// A queue of so many elements, of which every consumer sees each that was put in after it subscribed; for any number
/// of producers, and 64 consumers, in threads and in processes. Never waits for the dead.
///
///     tandem::shared<tandem::broadcast_queue<tick>> ticks(1024, tandem::lag::drop);
///     tandem::process p(show, ticks->consumer());            // which sees all from here on
///     ticks->push(now);
///
/// What happens with a consumer that is a whole queue behind is chosen with the queue: producers wait for it
/// (lag::wait, the default), or it goes on with the oldest element that is still there (lag::drop, and lag::fail, which
/// tells it by an exception). All consumers see the elements in one order, in which each producer's are in theirs.
///
/// Where nobody listens, push succeeds, and nobody sees the element: consumers come and go. It ends by close(), or when
/// the last of the ends that producer() has made is gone.
/// @tparam T  flat: a consumer copies it while it may be overwritten. For others take a queue for each consumer.
/// @par Shared memory          Yes: make it a shared<broadcast_queue<T>>, or a member of what you share.
/// @par Threads and processes  Every member may be called concurrently, except the destructor.
/// @par Peer death             At any instruction: nobody hangs, no element is torn or comes twice. One that a dead
///                             unit was putting in never comes. A dead consumer is waited for until its death is known.
template <class T> class broadcast_queue : private impl::blocking_queue<broadcast_queue<T>, T> {
  static_assert(impl::is_in_place<T>,
                "tandem: broadcast_queue: its elements are copied while they may be overwritten: "
                "T has to be flat. For others, take one queue for each consumer");

  using base = impl::blocking_queue<broadcast_queue, T>;
  using reading = impl::subscription_cursor;

 public:
  using value_type = T;

  using base::max_capacity;
  static constexpr std::size_t max_consumers() noexcept { return impl::subscriptions::most; }

  /// @throws std::invalid_argument where `capacity` is not between 1 and max_capacity(); std::bad_alloc where the
  /// commons are full
  template <std::integral N>
  explicit broadcast_queue(N capacity, lag when_behind = lag::wait)
      : lag_(when_behind),
        capacity_(base::checked(capacity)),
        places_(static_cast<place*>(commons().allocate(capacity_ * sizeof(place), alignment))) {
    for (std::uint32_t i = 0; i < capacity_; ++i) std::construct_at(places_ + i);
  }
  broadcast_queue(broadcast_queue const&) = delete;
  broadcast_queue& operator=(broadcast_queue const&) = delete;
  /// @pre nobody uses it, and no end is left where it is not itself a shared<>'s object
  ~broadcast_queue() { commons().deallocate(places_); }

  std::size_t capacity() const noexcept { return capacity_; }
  lag when_behind() const noexcept { return lag_; }

  /// How many subscriptions there are. Those of the dead count until their deaths are known: see push.
  std::size_t consumers() const noexcept { return subscriptions_.count(); }

  /// push, try_push, push_until, push_for: as a bounded_queue's. With lag::wait there is room as soon as all consumers
  /// have seen the oldest element; else at once.
  using base::push;
  using base::push_for;
  using base::push_until;
  using base::try_push;

  /// Nothing more comes in: push returns false, and consumers get what is left. Does nothing the second time. An
  /// element that is put in at the same moment is either refused or seen by all.
  using base::close;
  using base::is_closed;

  /// One more end for a unit that puts in. @throws std::bad_alloc; std::system_error where the process cannot enrol in
  /// the family
  using base::producer;

  /// One more subscription, from now on.
  /// @throws std::bad_alloc; std::system_error  (resource_unavailable_try_again) where there are max_consumers(); where
  /// the thread cannot enrol in the family
  broadcast_consumer<T> consumer() {
    return broadcast_consumer<T>({*this, this->kept(), subscriptions_.subscribe([this] { return end(); })});
  }

 private:
  friend base;
  friend class impl::queue_end<broadcast_queue, impl::queue_seat>;
  friend class impl::queue_end<broadcast_queue, impl::subscription_seat>;
  template <class, class> friend class impl::readiness;
  template <class, class> friend class impl::own_readiness;
  friend class queue_producer<broadcast_queue>;
  friend class broadcast_consumer<T>;

  /// Full of a round, its element is there, or is poison, until a producer of the next round writes over it. Nobody
  /// takes it out.
  struct place {
    std::atomic<std::uint64_t> word{impl::slot_word(0, impl::poison, impl::slot_state::full).bits()};
    impl::racy_copy<T> value;
  };

  static constexpr std::size_t alignment = 64;
  static constexpr int hint_after = 8;
  static constexpr std::uint32_t hint_every = 32;

  struct cursor {
    impl::position next;
    impl::position seen;  // all consumers have got here
  };
  cursor push_cursor() const noexcept { return {hint(), {}}; }
  cursor& own_push_cursor() noexcept {
    return impl::own_cursors<cursor>(id_, [this] { return impl::known_cursors<cursor>{0, push_cursor(), {}}; }).push;
  }

  // acquire: the claims up to there were made before it was written
  impl::position hint() const noexcept { return impl::position(hint_.load(std::memory_order_acquire)); }

  /// The first position that nobody has claimed.
  impl::position end() const noexcept {
    for (auto at = hint();;) {
      impl::slot_word const found(places_[at.index()].word.load(std::memory_order_seq_cst));
      if (rounds_ahead(found, at) < 0) return at;
      at = impl::position(found.round(), at.index()).next(capacity_);
    }
  }

  static std::int32_t rounds_ahead(impl::slot_word found, impl::position at) noexcept {
    return static_cast<std::int32_t>(found.round() - at.round());
  }

  /// The next one's place, and its word; nullptr: there is no room.
  place* find_room(cursor& mine, std::uint64_t& bits) noexcept {
    impl::position& at = mine.next;
    for (int looks = 0;; ++looks) {
      if (looks == hint_after && at.is_before(hint())) at = hint();
      auto& here = places_[at.index()];
      bits = here.word.load(std::memory_order_seq_cst);  // seq_cst: see subscriptions.hpp
      impl::slot_word const found(bits);
      if (rounds_ahead(found, at) >= 0) {
        at = impl::position(found.round(), at.index()).next(capacity_);
      } else if (!found.is(impl::slot_state::writing)) {
        return may_overwrite(mine) ? &here : nullptr;
      } else if (!undo(here, found)) {
        return nullptr;
      }
    }
  }

  template <class U> impl::step push_once(cursor& mine, U& value) {
    if (this->core_.refuses()) return impl::step::stopped;
    for (;;) {
      std::uint64_t bits;
      place* const here = find_room(mine, bits);
      if (here == nullptr) return impl::step::not_now;
      impl::position const at = mine.next;
      impl::slot_word const claim(at.round(), impl::participants::self(), impl::slot_state::writing);
      // seq_cst: see subscriptions.hpp; and before the look whether it is closed, as in ring::push
      if (!here->word.compare_exchange_strong(bits, claim.bits(), std::memory_order_seq_cst)) continue;
      mine.next = at.next(capacity_);
      bool const refused = this->core_.refuses();
      if (!refused) here->value.store(value);
      impl::slot_word const full(at.round(), refused ? impl::poison : 0, impl::slot_state::full);
      impl::light_event_count::publish(here->word, full.bits());
      if (at.index() % hint_every == 0) hint_.store(mine.next.bits(), std::memory_order_release);
      this->core_.filled.notify_all();
      return refused ? impl::step::stopped : impl::step::done;
    }
  }

  /// Whether all have seen the element that lies where the next one goes.
  bool may_overwrite(cursor& mine) noexcept {
    if (lag_ != lag::wait || in_reach(mine)) return true;
    do {
      mine.seen = subscriptions_.slowest(mine.next);
      if (in_reach(mine)) return true;
    } while (subscriptions_.drop_dead(needed(mine), false));
    return false;
  }
  bool in_reach(cursor const& mine) const noexcept {
    return mine.next.is_before(impl::position(mine.seen.round() + 1, mine.seen.index()));
  }
  /// Where consumers have to have got for the next push.
  impl::position needed(cursor const& mine) const noexcept {
    return impl::position(mine.next.round() - 1, mine.next.index()).next(capacity_);
  }

  template <class Receive> impl::step pop_once(reading const& from, Receive receive) {
    impl::subscription& mine = *from.entry;
    impl::position at(mine.next.load(std::memory_order_relaxed));
    for (;;) {
      auto& here = places_[at.index()];
      // acquire: pairs with the publish of the maker
      std::uint64_t const bits = here.word.load(std::memory_order_acquire);
      impl::slot_word const found(bits);
      auto const ahead = rounds_ahead(found, at);
      if (ahead > 0) {
        at = miss(mine, at);
      } else if (ahead == 0 && found.is_poison()) {
        at = at.next(capacity_);
        advance(mine, at);
        this->core_.emptied.notify_one();
      } else if (ahead == 0 && found.is(impl::slot_state::full)) {
        T const value = here.value.load();
        if (here.word.load(std::memory_order_relaxed) != bits) continue;  // behind the copy: its loads are acquire
        advance(mine, at.next(capacity_));
        receive(value);
        return impl::step::done;
      } else if (ahead < 0 || !undo(here, found)) {
        return impl::step::not_now;
      }
    }
  }

  static void advance(impl::subscription& mine, impl::position next) noexcept {
    impl::light_event_count::publish(mine.next, next.bits());
  }

  /// It goes on with the oldest that is still there. @throws consumer_lagged
  impl::position miss(impl::subscription& mine, impl::position at) const {
    auto const behind = end();
    impl::position const oldest(behind.round() - 1, behind.index());
    auto const rounds = static_cast<std::uint32_t>(oldest.round() - at.round());
    std::uint64_t const gap = std::uint64_t{rounds} * capacity_ + oldest.index() - at.index();
    mine.missed.store(mine.missed.load(std::memory_order_relaxed) + gap, std::memory_order_relaxed);
    advance(mine, oldest);
    if (lag_ == lag::fail) throw consumer_lagged(gap);
    return oldest;
  }

  /// Undoes the claim of a maker that has ended; false where it has not.
  static bool undo(place& here, impl::slot_word found) noexcept {
    if (!impl::participants::has_ended(found.owner())) return false;
    std::uint64_t bits = found.bits();
    here.word.compare_exchange_strong(bits, impl::slot_word(found.round(), impl::poison, impl::slot_state::full).bits(),
                                      std::memory_order_acq_rel);
    return true;
  }

  bool has_room(cursor& mine) noexcept {
    std::uint64_t unused;
    return find_room(mine, unused) != nullptr;
  }
  bool has_next(reading const& from) noexcept {
    for (impl::position at = from.next(); may_come(at); at = at.next(capacity_)) {
      impl::slot_word const found(places_[at.index()].word.load(std::memory_order_acquire));
      if (found.is(impl::slot_state::writing)) return rounds_ahead(found, at) > 0;
      if (!found.is_poison()) return true;
    }
    return false;
  }
  bool may_come(impl::position at) const noexcept {
    return rounds_ahead(impl::slot_word(places_[at.index()].word.load(std::memory_order_seq_cst)), at) >= 0;
  }
  bool may_come(reading const& from) const noexcept { return may_come(from.next()); }
  // What is not asked of that side.
  bool has_room(reading const&) const noexcept { return true; }
  bool has_next(cursor const&) const noexcept { return false; }
  bool may_come(cursor const&) const noexcept { return false; }

  impl::token maker_at(impl::position at) const noexcept {
    impl::slot_word const found(places_[at.index()].word.load(std::memory_order_acquire));
    return found.is(impl::slot_state::writing) ? found.owner() : 0;
  }
  impl::token blocked_by(reading const& from) const noexcept { return maker_at(from.next()); }
  impl::token blocked_by(cursor const& mine) noexcept {
    impl::token in_the_way = maker_at(mine.next);
    if (in_the_way == 0 && lag_ == lag::wait) subscriptions_.drop_dead(needed(mine), true, &in_the_way);
    return in_the_way;
  }
  bool has_ample_room(cursor const& mine) const noexcept {
    if (lag_ != lag::wait) return true;
    auto const seen = subscriptions_.slowest(mine.next);
    return mine.next.after(capacity_ / 4, capacity_).is_before(impl::position(seen.round() + 1, seen.index()));
  }

  impl::queue_id id_{this};
  lag lag_;
  std::uint32_t capacity_;
  place* places_;
  alignas(64) std::atomic<std::uint64_t> hint_{impl::position(1, 0).bits()};
  impl::subscriptions subscriptions_{this->core_.emptied};
};

template <class T> inline constexpr bool enable_shareable<broadcast_queue<T>> = true;

}  // namespace tandem

#endif  // TANDEM_QUEUE_BROADCAST_QUEUE_HPP
