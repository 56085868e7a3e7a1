// SPDX-License-Identifier: BSL-1.0
// What a unit of a stage does, be it a thread or a process: nothing in here knows.
#ifndef TANDEM_CREW_IMPL_STAGE_WORK_HPP
#define TANDEM_CREW_IMPL_STAGE_WORK_HPP

#include <cstddef>      // for size_t
#include <exception>    // for current_exception
#include <optional>     // for nullopt, optional
#include <type_traits>  // for conditional_t, is_invocable_v
#include <utility>      // for as_const, move
#include <vector>       // for vector

#include "tandem/core/codec_failure.hpp"    // for codec<failure>
#include "tandem/core/codec_optional.hpp"   // for codec<optional>
#include "tandem/core/codec_vector.hpp"     // for codec<vector>
#include "tandem/core/failure.hpp"          // for failure
#include "tandem/crew/impl/stage_kind.hpp"  // for gives, takes
#include "tandem/crew/inlet.hpp"            // for inlet
#include "tandem/crew/outlet.hpp"           // for outlet
#include "tandem/execution/this_unit.hpp"   // for this_unit::name
#include "tandem/memory/shared.hpp"         // for shared
#include "tandem/queue/bounded_queue.hpp"   // for bounded_queue
#include "tandem/queue/queue_consumer.hpp"  // for queue_consumer
#include "tandem/queue/queue_producer.hpp"  // for queue_producer
#include "tandem/resource/event.hpp"        // for event
#include "tandem/sync/stop_token.hpp"       // for stop_token

namespace tandem::impl {

/// In place of elements where a stage has none.
struct nothing {};
template <class T> struct or_nothing { using type = T; };
template <> struct or_nothing<void> { using type = nothing; };

/// What a stage of that kind hands on, and what its units return.
template <class Kind> inline constexpr bool is_last = Kind::gives_as == gives::nothing;
template <class Kind>
using handed_on = typename or_nothing<std::conditional_t<is_last<Kind>, void, typename Kind::made>>::type;
template <class Kind> using returned = std::conditional_t<is_last<Kind>, typename Kind::made, void>;

template <class T> using batches = bounded_queue<std::vector<T>>;

/// An element that was left out or lost, on its way to who runs the pipeline.
template <class In> struct left_out {
  std::optional<In> element;
  failure why;
};
template <class In> using left_out_queue = bounded_queue<left_out<In>>;

/// Calls the function of a stage that takes one element after the other, and puts into `made` what it makes. False
/// where nobody takes it any more.
template <class Kind, class F, class E> bool use_one(F& function, E&& element, outlet<handed_on<Kind>>* made) {
  if constexpr (Kind::gives_as == gives::nothing) {
    function(std::forward<E>(element));
    return true;
  } else if constexpr (Kind::gives_as == gives::into_outlet) {
    function(std::forward<E>(element), *made);
    return made->is_open();
  } else if constexpr (Kind::gives_as == gives::optional_result) {
    auto one = function(std::forward<E>(element));
    return one ? made->push(std::move(*one)) : made->is_open();
  } else {
    return made->push(function(std::forward<E>(element)));
  }
}

template <class F, class In, class Kind> class stage_work {
  using out = handed_on<Kind>;

 public:
  stage_work(F const& function, std::size_t batch, bool skips) : function_(function), batch_(batch), skips_(skips) {}

  returned<Kind> operator()(stop_token const& stop, std::optional<queue_consumer<batches<In>>> from,
                            std::optional<queue_producer<batches<out>>> to, shared<left_out_queue<In>> const& left,
                            event const& wake) {
    if constexpr (is_last<Kind>) {
      inlet<In> in(std::move(*from), stop);
      if constexpr (Kind::takes_as == takes::stream)
        return function_(in);
      else
        take_each(in, nullptr, *left, wake);
    } else {
      outlet<out> made(std::move(*to), batch_, stop);
      if constexpr (Kind::takes_as == takes::nothing) {
        make_all(made, stop);
      } else {
        inlet<In> in(std::move(*from), made, stop);
        if constexpr (Kind::takes_as == takes::stream)
          function_(in, made);
        else
          take_each(in, &made, *left, wake);
      }
      made.flush();
    }
  }

 private:
  void make_all(outlet<out>& made, stop_token const& stop) {
    if constexpr (Kind::gives_as == gives::into_outlet) {
      function_(made);
    } else {
      while (made.is_open() && !stop.stop_requested()) {
        auto element = function_();
        if (!element || !made.push(std::move(*element))) break;
      }
    }
  }

  void take_each(inlet<In>& in, outlet<out>* made, left_out_queue<In>& left, event const& wake) {
    while (auto element = in.pop()) {
      try {
        if (!skips_) {
          if (!use_one<Kind>(function_, std::move(*element), made)) return;
          continue;
        }
        if (!use_keeping(*element, made)) return;
      } catch (...) {
        if (!skips_ || (made != nullptr && made->is_broken())) throw;
        if constexpr (!keeps) element.reset();
        left.push({std::move(element), failure::threw(this_unit::name(), std::current_exception())});
        wake.notify();
      }
    }
  }

  /// Whether an element is still there when the function has thrown.
  static constexpr bool keeps = [] {
    if constexpr (Kind::gives_as == gives::into_outlet)
      return std::is_invocable_v<F&, In const&, outlet<out>&>;
    else
      return std::is_invocable_v<F&, In const&>;
  }();
  bool use_keeping(In& element, outlet<out>* made) {
    if constexpr (keeps)
      return use_one<Kind>(function_, std::as_const(element), made);
    else
      return use_one<Kind>(function_, std::move(element), made);
  }

  F function_;
  std::size_t batch_;
  bool skips_;
};

}  // namespace tandem::impl

#endif  // TANDEM_CREW_IMPL_STAGE_WORK_HPP
