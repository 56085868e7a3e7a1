// SPDX-License-Identifier: BSL-1.0
// What a queue knows besides its elements: whether it is closed, who sleeps, and who holds its ends.
//
// The ends of one side share a seat: an object that each of them holds, counted per process as every shared object is.
// When its last holder lets it go, its destructor closes the queue for the other side. When its last holder dies, it
// loses its place in the table of objects; whoever sleeps at the queue is woken by that death, and looks there.
#ifndef TANDEM_QUEUE_IMPL_QUEUE_CORE_HPP
#define TANDEM_QUEUE_IMPL_QUEUE_CORE_HPP

#include <atomic>   // for atomic
#include <cstddef>  // for byte
#include <cstdint>  // for uint32_t, uint64_t
#include <new>      // for placement new

#include "tandem/memory/impl/counted.hpp"          // for counted
#include "tandem/memory/impl/objects.hpp"          // for hold, objects
#include "tandem/memory/impl/participants.hpp"     // for participants
#include "tandem/memory/impl/token.hpp"            // for token
#include "tandem/sync/impl/light_event_count.hpp"  // for light_event_count

namespace tandem::impl {

enum class queue_side { producers, consumers };

class queue_core;

/// What all ends of one side hold.
class queue_seat {
 public:
  explicit queue_seat(queue_side side) noexcept : side_(side) {}
  queue_seat(queue_seat const&) = delete;
  inline ~queue_seat();

  /// From now on its end is the end of that side.
  void belongs_to(queue_core& queue) noexcept { queue_.store(&queue, std::memory_order_release); }

 private:
  std::atomic<queue_core*> queue_{nullptr};
  queue_side side_;
};

class queue_core {
 public:
  /// Nothing more comes in. seq_cst: as ring::push asks for.
  void close() noexcept { mark(no_more); }
  bool is_closed() const noexcept { return (state_.load(std::memory_order_seq_cst) & no_more) != 0; }

  /// Whether nothing may come in: it is closed, or nobody is left who could take it out.
  bool refuses() const noexcept { return state_.load(std::memory_order_seq_cst) != 0; }

  /// One more end of that side. @throws std::bad_alloc; std::system_error where the process cannot enrol
  counted<queue_seat> take_seat(queue_side side) {
    auto& known = seats_[static_cast<int>(side)];
    std::uint64_t seen = known.load(std::memory_order_acquire);
    auto seat = found(seen);
    if (seat) return seat;
    counted<queue_seat> fresh(sizeof(queue_seat), [side](std::byte* block) { ::new (block) queue_seat(side); });
    std::uint64_t const name = objects::generation(fresh.held().object) | std::uint64_t{fresh.held().object} << 32;
    while (!known.compare_exchange_strong(seen, name, std::memory_order_acq_rel)) {
      seat = found(seen);
      if (seat) return seat;  // and ours, which belongs to nobody, ends
    }
    reinterpret_cast<queue_seat*>(fresh.block())->belongs_to(*this);
    return fresh;
  }

  /// The last end of that side is gone.
  void side_is_gone(queue_side side) noexcept { mark(side == queue_side::producers ? no_more : nobody_takes); }

  /// The calling thread is at one end of that side: who sleeps at the other is woken by its death.
  void watch_me(queue_side side, token me) noexcept {
    std::atomic<token>* free = nullptr;
    for (auto& one : watched_[static_cast<int>(side)]) {
      token const seen = one.load(std::memory_order_relaxed);
      if (seen == me) return;
      if (free == nullptr && (seen == 0 || participants::has_ended(seen))) free = &one;
    }
    token seen = free == nullptr ? 0 : free->load(std::memory_order_relaxed);
    if (free != nullptr && (seen == 0 || participants::has_ended(seen)))
      free->compare_exchange_strong(seen, me, std::memory_order_release);  // or it is not watched: slices are for that
  }

  /// For who is about to sleep until the other `side` does something: writes down whom to watch; and finds out whether
  /// that side has died out, where one of those has ended, or where `asks`: proc(5) then, of each process that has an
  /// end.
  unsigned watch(queue_side side, token* owners, bool asks) noexcept {
    unsigned count = 0;
    for (auto& one : watched_[static_cast<int>(side)]) {
      token seen = one.load(std::memory_order_acquire);
      if (seen == 0) continue;
      if (!participants::has_ended(seen)) {
        owners[count++] = seen;
      } else {
        asks = true;
        one.compare_exchange_strong(seen, 0, std::memory_order_relaxed);
      }
    }
    std::uint64_t const name = seats_[static_cast<int>(side)].load(std::memory_order_acquire);
    if (name == 0) return count;
    if (asks) objects::bury_dead_holders(index_of(name), generation_of(name));
    if (!objects::is_alive(index_of(name), generation_of(name))) side_is_gone(side);
    return count;
  }

  /// The most that watch() writes down.
  static constexpr unsigned most_watched = 30;

  light_event_count filled, emptied;  // where consumers, and producers, sleep

 private:
  static constexpr std::uint32_t no_more = 1, nobody_takes = 2;

  static std::uint32_t index_of(std::uint64_t name) noexcept { return static_cast<std::uint32_t>(name >> 32); }
  static std::uint32_t generation_of(std::uint64_t name) noexcept { return static_cast<std::uint32_t>(name); }

  static counted<queue_seat> found(std::uint64_t name) {
    return counted<queue_seat>::lock(index_of(name), generation_of(name));
  }

  void mark(std::uint32_t what) noexcept {
    if ((state_.fetch_or(what, std::memory_order_seq_cst) & what) != 0) return;
    filled.notify_all();
    emptied.notify_all();
  }

  std::atomic<std::uint32_t> state_{0};
  std::atomic<std::uint64_t> seats_[2]{};  // object:32 | generation:32
  std::atomic<token> watched_[2][most_watched]{};
};

inline queue_seat::~queue_seat() {
  if (auto* const queue = queue_.load(std::memory_order_acquire)) queue->side_is_gone(side_);
}

}  // namespace tandem::impl

#endif  // TANDEM_QUEUE_IMPL_QUEUE_CORE_HPP
