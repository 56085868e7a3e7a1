// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_QUEUE_IMPL_QUEUE_END_HPP
#define TANDEM_QUEUE_IMPL_QUEUE_END_HPP

#include <cstddef>       // for size_t
#include <cstdint>       // for uint32_t, uint64_t
#include <system_error>  // for errc
#include <utility>       // for move, swap

#include "tandem/core/errors.hpp"               // for throw_errc
#include "tandem/core/reader.hpp"               // for reader
#include "tandem/core/writer.hpp"               // for writer
#include "tandem/memory/impl/counted.hpp"       // for counted
#include "tandem/memory/impl/free_block.hpp"    // for block_bytes_at
#include "tandem/memory/impl/participants.hpp"  // for participants
#include "tandem/memory/impl/region.hpp"        // for family
#include "tandem/memory/impl/token.hpp"         // for token
#include "tandem/queue/impl/queue_core.hpp"     // for queue_seat, queue_side

namespace tandem::impl {

template <class End> struct queue_end_codec;

/// What the ends of a queue have in common: a seat at it, and a hold on the queue where that is an object of its own.
template <class Queue, class Seat = queue_seat> class queue_end {
 public:
  queue_end(Queue& queue, counted<Queue> kept, counted<Seat> seat) noexcept
      : kept_(std::move(kept)), seat_(std::move(seat)), queue_(&queue) {}
  queue_end(queue_end const&) = default;
  queue_end(queue_end&&) = default;
  queue_end& operator=(queue_end other) noexcept {
    kept_.swap(other.kept_);
    seat_.swap(other.seat_);
    std::swap(queue_, other.queue_);
    known_ = 0;
    return *this;
  }
  ~queue_end() = default;

  void close() noexcept { queue_->close(); }
  bool is_closed() const noexcept { return queue_->is_closed(); }
  std::size_t capacity() const noexcept { return queue_->capacity(); }

  /// Whether it is an end: not moved from.
  explicit operator bool() const noexcept { return static_cast<bool>(seat_); }

 protected:
  static constexpr bool has_road = false;  // for descriptors: see road_end

  /// As an end of the caller's.
  Queue& queue(queue_side side) {
    token const me = participants::self();
    if (me != known_) {
      queue_->core_.watch_me(side, me);
      known_ = me;
    }
    return *queue_;
  }
  Queue const& seen_queue() const noexcept { return *queue_; }
  Seat& seat() const noexcept { return *reinterpret_cast<Seat*>(seat_.block()); }

  void encode(writer& to) const {
    to.write_flat(seat_.send());
    to.write_flat(kept_ ? kept_.send() : 0U);
    to.write_flat(family().offset(queue_));
  }

  static queue_end decode(reader& from) {
    auto seat = counted<Seat>::receive(from.read_flat<std::uint32_t>());
    auto const object = from.read_flat<std::uint32_t>();
    auto kept = object == 0 ? counted<Queue>() : counted<Queue>::receive(object);
    auto const at = from.read_flat<std::uint64_t>();
    region const& all = family();
    bool const fits = at % alignof(Queue) == 0 && at < all.heap_bytes && all.heap_bytes - at >= sizeof(Queue) &&
                      (!kept || kept.block() == all.address(at));
    if (!fits) throw_errc(std::errc::bad_message, "decode", "an end of a queue that is not in the commons");
    return {*reinterpret_cast<Queue*>(all.address(at)), std::move(kept), std::move(seat)};
  }

 private:
  template <class> friend struct queue_end_codec;

  counted<Queue> kept_;  // empty where the queue is a part of something else
  counted<Seat> seat_;
  Queue* queue_;
  token known_ = 0;  // who uses it, as far as the queue was told
};

/// An end travels as a handle: the receiver has one of its own. Base of its codec.
template <class End> struct queue_end_codec {
  static constexpr std::size_t least_size = 2 * sizeof(std::uint32_t) + sizeof(std::uint64_t);
  static constexpr bool carries_descriptors = End::has_road;

  static void encode(writer& to, End const& value) { value.encode(to); }
  static End decode(reader& from) { return End(End::base::decode(from)); }
};

}  // namespace tandem::impl

#endif  // TANDEM_QUEUE_IMPL_QUEUE_END_HPP
