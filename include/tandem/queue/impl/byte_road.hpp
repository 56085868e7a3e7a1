// SPDX-License-Identifier: BSL-1.0
// The ring of a byte_stream, as one of its sides sees it.
//
// Two counters, of bytes written and of bytes read, each stored by its side alone: where a byte lies, and whether there
// are any, follows from these (Lamport 1983). A side trusts neither: whatever others write over the counters, it keeps
// to the bytes whose address and number it has from its own memory, and counters that cannot be are an error.
#ifndef TANDEM_QUEUE_IMPL_BYTE_ROAD_HPP
#define TANDEM_QUEUE_IMPL_BYTE_ROAD_HPP

#include <algorithm>     // for max, min
#include <atomic>        // for atomic
#include <cstddef>       // for byte, size_t
#include <cstdint>       // for int64_t, uint64_t
#include <cstring>       // for memcpy
#include <span>          // for span
#include <system_error>  // for errc
#include <utility>       // for exchange

#include "tandem/config.hpp"                       // for TANDEM_NOINLINE
#include "tandem/core/deadline.hpp"                // for deadline
#include "tandem/core/errors.hpp"                  // for throw_errc
#include "tandem/memory/impl/token.hpp"            // for token
#include "tandem/os/clock.hpp"                     // for monotonic_ns
#include "tandem/queue/impl/queue_core.hpp"        // for queue_core, queue_side
#include "tandem/queue/impl/step.hpp"              // for step
#include "tandem/sync/impl/await.hpp"              // for await
#include "tandem/sync/impl/light_event_count.hpp"  // for light_event_count
#include "tandem/sync/impl/spin.hpp"               // for backoff, spinning_helps
#include "tandem/sync/stop_token.hpp"              // for stop_callback, stop_token

namespace tandem::impl {

/// How many bytes have passed a side, and how many it has last seen to have passed the other: the latter saves it a
/// look at the other's line.
struct alignas(64) byte_side {
  std::atomic<std::uint64_t> at{0}, other{0};
};

struct byte_sides {
  byte_side written, read;
};

/// Where bytes are, or may come: from `offset` on, round the end of the ring.
struct byte_extent {
  std::uint64_t offset = 0, bytes = 0;
};

/// Where the bytes of a stream are, as its end knows.
struct byte_place {
  std::byte* data = nullptr;
  std::uint64_t capacity = 0;
};

class byte_road {
 public:
  /// @pre `capacity` is a power of two
  byte_road(queue_core& core, byte_sides& sides, std::byte* data, std::uint64_t capacity) noexcept
      : core_(core), sides_(sides), data_(data), capacity_(capacity) {}

  /// Room for some bytes; not_now: none. Looks at the other side where it knows of less than `wanted`.
  /// @throws std::system_error (bad_message)
  step find_room(std::size_t wanted, byte_extent& room) const {
    if (core_.refuses()) return step::stopped;
    // acquire (there): pairs with the reader's publish; its use of the bytes is over
    std::uint64_t const at = sides_.written.at.load(std::memory_order_relaxed);
    std::uint64_t const free = find(sides_.written, sides_.read, wanted, [&](std::uint64_t read) {
      std::uint64_t const used = at - read;
      return used <= capacity_ ? capacity_ - used : impossible;
    });
    room = {at & (capacity_ - 1), free};
    return free != 0 ? step::done : step::not_now;
  }

  /// Bytes that were written; not_now: none.
  /// @throws std::system_error (bad_message)
  step find_bytes(std::size_t wanted, byte_extent& there) const {
    // acquire (there): pairs with the writer's publish
    std::uint64_t const at = sides_.read.at.load(std::memory_order_relaxed);
    std::uint64_t const bytes = find(sides_.read, sides_.written, wanted, [&](std::uint64_t written) {
      return written - at <= capacity_ ? written - at : impossible;
    });
    there = {at & (capacity_ - 1), bytes};
    return bytes != 0 ? step::done : step::not_now;
  }

  /// The part of it that lies before the end of the ring, at most `most` bytes.
  std::span<std::byte> in_one_piece(byte_extent where, std::size_t most) const noexcept {
    return {data_ + where.offset, split(where, most).first};
  }

  std::size_t put(byte_extent room, std::span<std::byte const> from) const noexcept {
    auto const [total, first] = split(room, from.size());
    if (total != 0) std::memcpy(data_ + room.offset, from.data(), first);
    if (first < total) std::memcpy(data_, from.data() + first, total - first);
    return total;
  }

  std::size_t get(byte_extent there, std::span<std::byte> to) const noexcept {
    auto const [total, first] = split(there, to.size());
    if (total != 0) std::memcpy(to.data(), data_ + there.offset, first);
    if (first < total) std::memcpy(to.data() + first, data_, total - first);
    return total;
  }

  void publish_written(std::size_t bytes) const noexcept {
    advance(sides_.written, bytes);
    core_.filled.notify_one();
  }
  void publish_read(std::size_t bytes) const noexcept {
    advance(sides_.read, bytes);
    core_.emptied.notify_one();
  }

  /// Until there is room, or it is certain that there will be none.
  TANDEM_NOINLINE step wait_for_room(std::size_t wanted, byte_extent& room, deadline until,
                                     stop_token const& stop) const {
    auto result = step::not_now;
    // To follow the reader part by part would put both to sleep for each.
    look_for(until, [&] { return used() <= capacity_ - capacity_ / 4; });
    wait(core_.emptied, queue_side::consumers, until, stop, [&] {
      result = find_room(wanted, room);
      return result != step::not_now;
    });
    return result;
  }

  /// Until there are bytes, or it is certain that none will come: stopped.
  TANDEM_NOINLINE step wait_for_bytes(std::size_t wanted, byte_extent& there, deadline until,
                                      stop_token const& stop) const {
    auto result = step::not_now;
    look_for(until, [&] { return used() != 0; });
    wait(core_.filled, queue_side::producers, until, stop, [&] {
      bool const closed = core_.is_closed();  // before the look: what had come before is not left behind
      result = find_bytes(wanted, there);
      if (result == step::not_now && closed) result = step::stopped;
      return result != step::not_now;
    });
    return result;
  }

  bool is_closed() const noexcept { return core_.is_closed(); }

  /// Whether that side would not wait.
  bool is_ready(queue_side side) const noexcept {
    return side == queue_side::producers ? used() < capacity_ || core_.refuses() : used() != 0 || core_.is_closed();
  }

  /// Until then, or until `given_up()`; false where that takes too long. A notification that was meant for one who
  /// writes, or reads, is passed on.
  template <class GivenUp> bool wait_until_ready(queue_side side, deadline until, GivenUp given_up) const {
    bool const writes = side == queue_side::producers;
    auto& events = writes ? core_.emptied : core_.filled;
    bool found = false;
    wait(events, writes ? queue_side::consumers : queue_side::producers, until, {}, [&] {
      found = is_ready(side) || given_up();
      return found;
    });
    events.notify_one();
    return found;
  }

  /// Whoever sleeps on that side looks again.
  void wake_all(queue_side side) const noexcept {
    (side == queue_side::producers ? core_.emptied : core_.filled).notify_all();
  }

  /// How many bytes to move before the other side is told, where there are many: both sides copy at the same time.
  std::size_t part() const noexcept { return static_cast<std::size_t>(std::max<std::uint64_t>(capacity_ / 4, 1)); }

 private:
  static constexpr std::uint64_t impossible = ~std::uint64_t{0};

  /// `distance(other)`: of this side from where the other one is, or impossible.
  template <class Distance>
  static std::uint64_t find(byte_side& mine, byte_side& others, std::size_t wanted, Distance distance) {
    std::uint64_t const known = distance(mine.other.load(std::memory_order_relaxed));
    if (known != impossible && known >= wanted) return known;
    std::uint64_t const other = others.at.load(std::memory_order_acquire);
    mine.other.store(other, std::memory_order_relaxed);
    std::uint64_t const now = distance(other);
    if (now == impossible) throw_errc(std::errc::bad_message, "use a byte_stream", "somebody has scribbled over it");
    return now;
  }

  struct pieces {
    std::size_t total, first;  // `first` of them lie before the end of the ring
  };
  pieces split(byte_extent where, std::size_t most) const noexcept {
    auto const total = static_cast<std::size_t>(std::min<std::uint64_t>(where.bytes, most));
    return {total, static_cast<std::size_t>(std::min<std::uint64_t>(total, capacity_ - where.offset))};
  }

  static void advance(byte_side& side, std::size_t bytes) noexcept {
    light_event_count::publish(side.at, side.at.load(std::memory_order_relaxed) + bytes);
  }

  /// For some microseconds more than await does, which is what it takes the other side to come back from a wake-up.
  template <class Found> static void look_for(deadline until, Found found) noexcept {
    for (backoff spin(spinning_helps() && !until.passed() ? 500 : 0); !found() && spin.pause();) {}
  }
  std::uint64_t used() const noexcept {
    // In this order: what was read was written before.
    std::uint64_t const read = sides_.read.at.load(std::memory_order_seq_cst);
    return sides_.written.at.load(std::memory_order_seq_cst) - read;
  }

  template <class Attempt>
  void wait(light_event_count& where, queue_side other, deadline until, stop_token const& stop, Attempt attempt) const {
    std::int64_t const limit = until.since_epoch_ns();
    stop_callback const wake(stop, [&where] { where.notify_all(); });
    await(
        where, limit,
        // The time as well: who scribbles over `where` without a pause would keep this from ever sleeping.
        [&] { return attempt() || stop.stop_requested() || os::monotonic_ns() >= limit; },
        [&, slept = false](token* owners) mutable { return core_.watch(other, owners, std::exchange(slept, true)); });
  }

  queue_core& core_;
  byte_sides& sides_;
  std::byte* data_;
  std::uint64_t capacity_;
};

}  // namespace tandem::impl

#endif  // TANDEM_QUEUE_IMPL_BYTE_ROAD_HPP
