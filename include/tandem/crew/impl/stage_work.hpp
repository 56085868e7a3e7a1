// SPDX-License-Identifier: BSL-1.0
// What a unit of a stage does, be it a thread or a process: nothing in here knows.
#ifndef TANDEM_CREW_IMPL_STAGE_WORK_HPP
#define TANDEM_CREW_IMPL_STAGE_WORK_HPP

#include <atomic>     // for atomic
#include <cstddef>    // for size_t
#include <cstdint>    // for uint64_t
#include <exception>  // for current_exception
#include <optional>   // for nullopt, optional
#include <utility>    // for move
#include <vector>     // for vector

#include "tandem/core/codec_failure.hpp"        // for codec<failure>
#include "tandem/core/codec_optional.hpp"       // for codec<optional>
#include "tandem/core/codec_vector.hpp"         // for codec<vector>
#include "tandem/core/failure.hpp"              // for failure
#include "tandem/core/shareable.hpp"            // for enable_shareable
#include "tandem/crew/impl/flushed.hpp"         // for flushed
#include "tandem/crew/impl/stage_kind.hpp"      // for gives, takes
#include "tandem/crew/inlet.hpp"                // for inlet
#include "tandem/crew/outlet.hpp"               // for outlet
#include "tandem/execution/this_unit.hpp"       // for this_unit::name
#include "tandem/memory/shared.hpp"             // for shared
#include "tandem/queue/bounded_queue.hpp"       // for bounded_queue
#include "tandem/queue/impl/encoded_block.hpp"  // for encoded_block
#include "tandem/queue/queue_consumer.hpp"      // for queue_consumer
#include "tandem/queue/queue_producer.hpp"      // for queue_producer
#include "tandem/resource/event.hpp"            // for event
#include "tandem/sync/stop_token.hpp"           // for stop_token

namespace tandem::impl {

/// In place of elements where a stage has none.
struct nothing {};
template <class T> struct or_nothing { using type = T; };
template <> struct or_nothing<void> { using type = nothing; };

template <class T> using batches = bounded_queue<std::vector<T>>;

/// What a unit is at, where the one that runs the pipeline sees it: also when the unit is dead.
struct desk {
  desk() = default;
  desk(desk const&) = delete;
  ~desk() { element.discard(); }

  std::atomic<std::uint64_t> begun{0};  // elements
  encoded_block element;                // if somebody may ask for it
};

/// An element that was left out, on its way to who runs the pipeline.
template <class In> struct left_out {
  std::optional<In> element;
  failure why;
};

template <class F, class In, class Kind> class stage_work {
 public:
  using out =
      typename or_nothing<std::conditional_t<Kind::gives_as == gives::nothing, void, typename Kind::made>>::type;
  using result = std::conditional_t<Kind::gives_as == gives::nothing, typename Kind::made, void>;

  stage_work(F const& function, std::size_t batch, bool skips, bool restarts, bool reports)
      : function_(function), batch_(batch), skips_(skips), restarts_(restarts), reports_(reports) {}

  result operator()(stop_token const& stop, std::optional<queue_consumer<batches<In>>> from,
                    std::optional<queue_producer<batches<out>>> to, shared<desk> const& mine,
                    shared<bounded_queue<left_out<In>>> const& left, event const& wake) {
    if constexpr (Kind::gives_as == gives::nothing) {
      inlet<In> in(std::move(*from), stop);
      if constexpr (Kind::takes_as == takes::stream) {
        return function_(in);
      } else {
        take_each(in, nullptr, *mine, *left, wake, [this](In&& element) {
          function_(std::move(element));
          return true;
        });
      }
    } else {
      outlet<out> made(std::move(*to), batch_, stop);
      if constexpr (Kind::takes_as == takes::nothing) {
        if constexpr (Kind::gives_as == gives::into_outlet) {
          function_(made);
        } else {
          while (made.is_open() && !stop.stop_requested()) {
            auto element = function_();
            if (!element || !made.push(std::move(*element))) break;
          }
        }
      } else {
        inlet<In> in(std::move(*from), made, stop);
        if constexpr (Kind::takes_as == takes::stream) {
          function_(in, made);
        } else {
          take_each(in, &made, *mine, *left, wake, [&](In&& element) { return make(made, std::move(element)); });
        }
      }
      made.flush();
    }
  }

 private:
  bool make(outlet<out>& made, In&& element) {
    if constexpr (Kind::gives_as == gives::into_outlet) {
      function_(std::move(element), made);
      return made.is_open();
    } else if constexpr (Kind::gives_as == gives::optional_result) {
      auto one = function_(std::move(element));
      return one ? made.push(std::move(*one)) : made.is_open();
    } else {
      return made.push(function_(std::move(element)));
    }
  }

  /// One element after the other, each on the desk as long as it may be lost.
  template <class Use>
  void take_each(inlet<In>& in, flushed* made, desk& mine, bounded_queue<left_out<In>>& left, event const& wake,
                 Use use) {
    bool const keeps = reports_ && (skips_ || restarts_);
    while (auto element = in.pop()) {
      // relaxed: read when the unit has ended
      mine.begun.store(mine.begun.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
      if (keeps) mine.element.fill(*element);
      bool more = true;
      try {
        more = use(std::move(*element));
      } catch (...) {
        if (!skips_ || (made != nullptr && made->is_broken())) throw;
        left_out<In> one{std::nullopt, failure::threw(this_unit::name(), std::current_exception())};
        if (keeps) one.element.emplace(mine.element.template take<In>());
        left.push(std::move(one));
        wake.notify();
      }
      if (restarts_ && made != nullptr) more = made->flush() && more;  // or a death would lose more than one element's
      if (keeps) mine.element.discard();
      if (!more) return;
    }
  }

  F function_;
  std::size_t batch_;
  bool skips_, restarts_, reports_;
};

}  // namespace tandem::impl

template <> inline constexpr bool tandem::enable_shareable<tandem::impl::desk> = true;

#endif  // TANDEM_CREW_IMPL_STAGE_WORK_HPP
