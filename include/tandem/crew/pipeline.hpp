// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_CREW_PIPELINE_HPP
#define TANDEM_CREW_PIPELINE_HPP

#include <cstddef>      // for size_t
#include <memory>       // for make_unique
#include <optional>     // for nullopt, optional
#include <stdexcept>    // for invalid_argument
#include <string>       // for string, to_string
#include <tuple>        // for get, tuple, tuple_element_t
#include <type_traits>  // for is_void_v
#include <utility>      // for move

#include "tandem/core/outcome.hpp"            // for outcome
#include "tandem/crew/impl/pipeline_run.hpp"  // for pipeline_run
#include "tandem/crew/impl/stage_kind.hpp"    // for gives, kind_between, kind_of_first, kind_of_last, takes
#include "tandem/crew/impl/stage_run.hpp"     // for stage_run
#include "tandem/crew/impl/stage_work.hpp"    // for batches, nothing
#include "tandem/crew/stage.hpp"              // for stage, stage_options
#include "tandem/memory/shared.hpp"           // for shared
#include "tandem/sync/stop_token.hpp"         // for stop_token

namespace tandem {

/// Stages in a row, each with units of its own, threads or processes, and a bounded queue before it:
///
///     tandem::pipeline flow{tandem::stage(read_lines),
///                           tandem::stage({.name = "parse", .mode = mode::process, .width = 2}, parse),
///                           tandem::stage([](tandem::inlet<record>& in) { ... return sum; })};
///     tandem::outcome<totals> sum = flow.run();
///
/// What they hand on is what the function of one makes and the next one's takes: see stage. A slow stage makes those
/// before it wait; one that ends early ends them: their push returns false, and a stop is requested of them. When all
/// units of a stage have ended, the next one comes to its end.
///
/// An exception, or the death of a process, ends the pipeline, and is its outcome, which names the unit; unless the
/// stage `skips`, or `restarts`.
/// @par Shared memory          No.
/// @par Threads and processes  run() by one thread at a time. It follows the units, in the calling thread; reports are
///                             made there. Processes are started before the threads; those that replace dead ones are
///                             forked from a program with threads, unless `start` says otherwise.
/// @par Peer death             At any instruction: nobody hangs, no element comes twice. Where a stage restarts, its
///                             dead process's element is lost and reported, and no other one: each of its units is a
///                             thread here, with a process that it gives its batches to and may replace.
template <class... Stages> class pipeline {
  static_assert(sizeof...(Stages) >= 2,
                "tandem: a pipeline has two stages at least: one that makes, and one that takes");

  static constexpr std::size_t last = sizeof...(Stages) - 1;
  template <std::size_t I> using stage_type = std::tuple_element_t<I, std::tuple<Stages...>>;

  template <class S> struct parts;
  template <class F, class L> struct parts<stage<F, L>> {
    using function = F;
    using report = L;
  };
  template <std::size_t I> using function = typename parts<stage_type<I>>::function;

  /// What a stage's function is, by what the one before it makes.
  template <std::size_t I> static consteval auto kind_of() {
    if constexpr (I == 0)
      return impl::kind_of_first<function<0>>();
    else if constexpr (I < last)
      return impl::kind_between<function<I>, made_by<I - 1>>();
    else
      return impl::kind_of_last<function<I>, made_by<I - 1>>();
  }
  template <std::size_t I> using kind = decltype(kind_of<I>());
  template <std::size_t I> using made_by = typename kind<I>::made;

 public:
  /// What the last stage returns.
  using result_type = made_by<last>;

  /// @throws std::invalid_argument naming the stage and the member of its options that cannot be
  explicit pipeline(Stages... stages) : stages_(std::move(stages)...) { check<0>(); }

  /// Starts all units, and returns when all have ended, with the last stage's result, or the first failure. May be
  /// called again: functions are copied from the stages each time.
  /// @throws std::system_error where a unit cannot be started; what a report throws. No unit is left then either
  outcome<result_type> run() { return run(stop_token()); }
  /// The same until a stop is requested, of all units then: they end at their next element, what is under way is
  /// dropped, and the result is what the last stage makes of what it has had.
  outcome<result_type> run(stop_token const& stop) {
    impl::pipeline_run all;
    auto& end = add<0, impl::nothing>(all, std::nullopt);
    if (auto const failed = all.run(stop)) return *failed;
    if constexpr (std::is_void_v<result_type>)
      return {};
    else
      return std::move(*end.get_result());
  }

 private:
  /// The runs of the stages from I on; `before` is the queue of the first of them. Returns the last one's.
  template <std::size_t I, class In>
  auto& add(impl::pipeline_run& all, std::optional<shared<impl::batches<In>>> before) {
    using run = impl::stage_run<function<I>, typename parts<stage_type<I>>::report, In, kind<I>>;
    auto& mine = std::get<I>(stages_);
    if constexpr (I == last) {
      auto end = std::make_unique<run>(mine, I + 1, std::move(before), std::nullopt, 1);
      auto& result = *end;
      all.add(std::move(end));
      return result;
    } else {
      auto const& next = std::get<I + 1>(stages_).options();
      shared<impl::batches<made_by<I>>> behind(next.capacity);
      all.add(std::make_unique<run>(mine, I + 1, std::move(before), behind, next.batch));
      return add<I + 1, made_by<I>>(all, std::move(behind));
    }
  }

  template <std::size_t I> void check() const {
    auto const& how = std::get<I>(stages_).options();
    auto const refuse = [&how](std::string const& what) {
      auto const name = how.name.empty() ? std::to_string(I + 1) : "'" + how.name + "'";
      throw std::invalid_argument("tandem: make a pipeline: stage " + name + ": " + what);
    };
    constexpr bool one_by_one = kind<I>::takes_as == impl::takes::elements;
    if (how.width < 1 || how.width > 1024) refuse("width is not between 1 and 1024");
    if (how.capacity < 1 || how.capacity > impl::batches<int>::max_capacity())
      refuse("capacity is not between 1 and 2^31");
    if (how.batch < 1) refuse("batch is 0: at least 1");
    if (how.skips && !one_by_one) refuse("skips: its function does not take one element after the other");
    if (how.restarts && !one_by_one) refuse("restarts: its function does not take one element after the other");
    if (I == last && !std::is_void_v<result_type> && how.width != 1)
      refuse("width is not 1: several units would have several results");
    if constexpr (I < last) check<I + 1>();
  }

  std::tuple<Stages...> stages_;
};

}  // namespace tandem

#endif  // TANDEM_CREW_PIPELINE_HPP
