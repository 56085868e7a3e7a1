// SPDX-License-Identifier: BSL-1.0
// Who listens to a broadcast_queue, and how far each has got.
//
// A subscription has a seat of its own (queue_core.hpp): a shared object that its end holds. An entry of the roll names
// its seat. When the seat's last holder lets go, its destructor takes the entry away; when its last holder dies, the
// object is no more, and whoever meets the entry in its way sees that, and takes it away.
//
// Nobody is overrun between its entry and its first look: a producer that did not see the entry had, before that, seen
// the elements claimed from whose end on the newcomer, behind its entry, begins. All four are seq_cst: the claim (and
// the look at it) before the look at the roll there, the entry before the look at the claims here.
#ifndef TANDEM_QUEUE_IMPL_SUBSCRIPTIONS_HPP
#define TANDEM_QUEUE_IMPL_SUBSCRIPTIONS_HPP

#include <atomic>        // for atomic
#include <cstddef>       // for byte
#include <cstdint>       // for uint32_t, uint64_t
#include <new>           // for placement new
#include <system_error>  // for errc

#include "tandem/core/errors.hpp"                  // for throw_errc
#include "tandem/memory/impl/counted.hpp"          // for counted
#include "tandem/memory/impl/objects.hpp"          // for objects
#include "tandem/memory/impl/participants.hpp"     // for participants
#include "tandem/memory/impl/token.hpp"            // for token
#include "tandem/queue/impl/position.hpp"          // for position
#include "tandem/sync/impl/light_event_count.hpp"  // for light_event_count

namespace tandem::impl {

/// A consumer's entry. Its own line: its consumer writes it with each element.
struct alignas(64) subscription {
  std::atomic<std::uint64_t> seat{0};    // object:32 | generation:32; 0: nobody's
  std::atomic<std::uint64_t> next{0};    // the position of the next element
  std::atomic<std::uint64_t> missed{0};  // how many it has missed; its consumer's
  std::atomic<token> user{0};            // the thread that has used it last
};

/// Where a consumer is: its entry knows.
struct subscription_cursor {
  subscription* entry = nullptr;

  position next() const noexcept { return position(entry->next.load(std::memory_order_relaxed)); }
};

class subscriptions;

/// What a subscription's end holds.
class subscription_seat {
 public:
  subscription_seat() = default;
  subscription_seat(subscription_seat const&) = delete;
  inline ~subscription_seat();

  /// From now on its end is the end of that entry, which names it so.
  void belongs_to(subscriptions& roll, subscription& entry, std::uint64_t name) noexcept {
    roll_ = &roll;
    name_ = name;
    entry_.store(&entry, std::memory_order_release);
  }
  /// @pre it belongs to one
  subscription& entry() const noexcept { return *entry_.load(std::memory_order_acquire); }

 private:
  std::atomic<subscription*> entry_{nullptr};
  subscriptions* roll_ = nullptr;
  std::uint64_t name_ = 0;
};

class subscriptions {
 public:
  static constexpr std::uint32_t most = 64;

  /// Those who wait for a consumer sleep at `emptied`.
  explicit subscriptions(light_event_count& emptied) noexcept : emptied_(emptied) {}
  subscriptions(subscriptions const&) = delete;

  /// One more, which begins at `end()`, asked for when its entry stands.
  /// @throws std::bad_alloc; std::system_error (resource_unavailable_try_again) where there are `most`
  template <class End> counted<subscription_seat> subscribe(End end) {
    token const me = participants::self();
    counted<subscription_seat> seat(sizeof(subscription_seat),
                                    [](std::byte* block) { ::new (block) subscription_seat; });
    std::uint64_t const name = objects::generation(seat.held().object) | std::uint64_t{seat.held().object} << 32;
    subscription& mine = enter(name);
    mine.user.store(me, std::memory_order_relaxed);
    mine.missed.store(0, std::memory_order_relaxed);
    mine.next.store(end().bits(), std::memory_order_release);
    reinterpret_cast<subscription_seat*>(seat.block())->belongs_to(*this, mine, name);
    emptied_.notify_all();  // who has waited for what stood in `next` before
    return seat;
  }

  /// The last holder of that seat lets it go: unless somebody has seen that already, and the entry is another's.
  void leave(subscription& entry, std::uint64_t name) noexcept {
    if (entry.seat.compare_exchange_strong(name, 0, std::memory_order_acq_rel)) emptied_.notify_all();
  }

  /// How far the slowest has got, at most `limit`.
  position slowest(position limit) const noexcept {
    std::uint32_t const top = top_.load(std::memory_order_seq_cst);
    for (std::uint32_t i = 0; i < top; ++i) {
      if (all_[i].seat.load(std::memory_order_seq_cst) == 0) continue;
      // acquire: pairs with the consumer's publish; its copies are over
      position const next(all_[i].next.load(std::memory_order_acquire));
      if (next.is_before(limit)) limit = next;
    }
    return limit;
  }

  /// Takes away those of the dead that have not got to `needed`; returns whether there were any. Finds out about a
  /// death where who used the end last has ended, or, asking proc(5), where `asks`. `in_the_way`: one who is left.
  bool drop_dead(position needed, bool asks, token* in_the_way = nullptr) noexcept {
    bool dropped = false;
    std::uint32_t const top = top_.load(std::memory_order_relaxed);
    for (std::uint32_t i = 0; i < top; ++i) {
      std::uint64_t seat = all_[i].seat.load(std::memory_order_acquire);
      if (seat == 0 || !position(all_[i].next.load(std::memory_order_relaxed)).is_before(needed)) continue;
      token const user = all_[i].user.load(std::memory_order_relaxed);
      bool const ended = participants::has_ended(user);  // itself, or it has handed its end on
      if (asks || ended) objects::bury_dead_holders(index_of(seat), generation_of(seat));
      if (objects::is_alive(index_of(seat), generation_of(seat))) {
        if (in_the_way != nullptr && !ended) *in_the_way = user;
      } else if (all_[i].seat.compare_exchange_strong(seat, 0, std::memory_order_acq_rel)) {
        dropped = true;
      }
    }
    if (dropped) emptied_.notify_all();
    return dropped;
  }

  /// How many there are.
  std::uint32_t count() const noexcept {
    std::uint32_t sum = 0;
    for (auto const& one : all_) sum += one.seat.load(std::memory_order_acquire) != 0 ? 1 : 0;
    return sum;
  }

 private:
  static std::uint32_t index_of(std::uint64_t seat) noexcept { return static_cast<std::uint32_t>(seat >> 32); }
  static std::uint32_t generation_of(std::uint64_t seat) noexcept { return static_cast<std::uint32_t>(seat); }

  subscription& enter(std::uint64_t name) {
    for (std::uint32_t i = 0;; ++i) {
      if (i == most && !drop_all_dead())
        throw_errc(std::errc::resource_unavailable_try_again, "subscribe to a broadcast_queue", "it has 64 consumers");
      i %= most;
      if (all_[i].seat.load(std::memory_order_relaxed) != 0) continue;
      for (std::uint32_t top = top_.load(std::memory_order_relaxed); top <= i;)
        top_.compare_exchange_weak(top, i + 1, std::memory_order_seq_cst);
      std::uint64_t nobody = 0;
      if (all_[i].seat.compare_exchange_strong(nobody, name, std::memory_order_seq_cst)) return all_[i];
    }
  }

  bool drop_all_dead() noexcept {
    std::uint64_t latest = 0;
    for (auto const& one : all_) {
      position const next(one.next.load(std::memory_order_relaxed));
      if (position(latest).is_before(next)) latest = next.bits();
    }
    return drop_dead(position(latest + 1), true);
  }

  light_event_count& emptied_;
  std::atomic<std::uint32_t> top_{0};  // entries that were ever used lie below
  subscription all_[most];
};

inline subscription_seat::~subscription_seat() {
  if (auto* const entry = entry_.load(std::memory_order_acquire)) roll_->leave(*entry, name_);
}

}  // namespace tandem::impl

#endif  // TANDEM_QUEUE_IMPL_SUBSCRIPTIONS_HPP
