// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_QUEUE_IMPL_ROAD_END_HPP
#define TANDEM_QUEUE_IMPL_ROAD_END_HPP

#include <utility>  // for declval, move

#include "tandem/core/reader.hpp"                 // for reader
#include "tandem/core/writer.hpp"                 // for writer
#include "tandem/memory/impl/counted.hpp"         // for counted
#include "tandem/queue/impl/descriptor_road.hpp"  // for descriptor_road, needs_road, own_road_of
#include "tandem/queue/impl/queue_core.hpp"       // for queue_seat, queue_side
#include "tandem/queue/impl/queue_end.hpp"        // for queue_end
#include "tandem/resource/fd.hpp"                 // for fd

namespace tandem::impl {

/// An end with a side of the road on which its elements' descriptors travel, where they have any.
template <class Queue> class road_end : public queue_end<Queue> {
  using base = queue_end<Queue>;
  using own = own_road_of<typename Queue::value_type>;

 public:
  road_end(Queue& queue, counted<Queue> kept, counted<queue_seat> seat, own side) noexcept
      : base(queue, std::move(kept), std::move(seat)), road_(std::move(side)) {}

 protected:
  static constexpr bool has_road = needs_road<typename Queue::value_type>();

  /// The queue, to be used by that road.
  class on_the_road {
   public:
    on_the_road(Queue& queue, own const& mine) noexcept : queue_(queue), travel_(begin(queue, mine)) {}
    Queue* operator->() const noexcept { return &queue_; }
    Queue& operator*() const noexcept { return queue_; }

   private:
    static auto begin([[maybe_unused]] Queue& queue, [[maybe_unused]] own const& mine) noexcept {
      if constexpr (has_road)
        return descriptor_road::travel(queue.road_, mine.socket());
      else
        return own();
    }

    Queue& queue_;
    decltype(begin(std::declval<Queue&>(), std::declval<own const&>())) travel_;
  };

  on_the_road queue(queue_side side) { return {base::queue(side), road_}; }

  void encode(writer& to) const {
    base::encode(to);
    if constexpr (has_road) codec<fd>::encode(to, road_.side());
  }
  static road_end decode(reader& from) {
    auto end = base::decode(from);
    if constexpr (has_road)
      return {std::move(end), own(codec<fd>::decode(from))};
    else
      return {std::move(end), own()};
  }

 private:
  template <class> friend struct queue_end_codec;

  road_end(base end, own side) noexcept : base(std::move(end)), road_(std::move(side)) {}

  [[no_unique_address]] own road_;
};

}  // namespace tandem::impl

#endif  // TANDEM_QUEUE_IMPL_ROAD_END_HPP
