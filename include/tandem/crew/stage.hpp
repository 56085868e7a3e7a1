// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_CREW_STAGE_HPP
#define TANDEM_CREW_STAGE_HPP

#include <cstddef>  // for size_t
#include <string>   // for string
#include <utility>  // for move

#include "tandem/core/mode.hpp"        // for mode
#include "tandem/execution/start.hpp"  // for start

namespace tandem {

/// How a stage of a pipeline is to run. Designated initialisers: `{.name = "parse", .mode = mode::process, .width =
/// 2}`. A value that cannot be is std::invalid_argument naming it, from the constructor of the pipeline.
/// @par Shared memory          No.
/// @par Threads and processes  A value.
/// @par Peer death             See `restarts`.
struct stage_options {
  /// In failures, and of its units, numbered where there are several: "parse 2". Empty: "stage 1".
  std::string name = {};
  /// What its units are.
  tandem::mode mode = tandem::mode::thread;
  /// How many units, 1 to 1024. Of several, each takes what comes next; what they make comes in no order.
  std::size_t width = 1;
  /// How many batches may wait before it: when there are so many, the stage before it waits.
  std::size_t capacity = 16;
  /// How many elements are handed to it at once, at most: see outlet. One where each takes long; 64 where they are many
  /// and small.
  std::size_t batch = 1;
  /// An element at which its function throws is left out and reported, instead of failing the pipeline.
  bool skips = false;
  /// A process that dies (a crash, a kill, an exit) is replaced, and the element that it was at is lost and reported,
  /// instead of failing the pipeline. No other one is; but for the others of its batch the function may be called
  /// again, since of a batch all results are handed on, or none. Threads do not die alone: they take no notice of it.
  /// Needs a function that takes one element after the other.
  bool restarts = false;
  /// How its processes come to be, and whether they write down where they crash: as in options. Threads take no notice.
  tandem::start start = start::fork;
  bool report_crash = false;
};

namespace impl {

struct no_report {};

struct stage_access;

}  // namespace impl

/// One step of a pipeline: a function, and how it is to run. What the function may be:
///
/// - of the first stage: `std::optional<Out>()`, which ends with the first that is empty; or `void(outlet<Out>&)`;
/// - of one between: `Out(In)`; `std::optional<Out>(In)`, where empty makes nothing; `void(In, outlet<Out>&)` for
///   several; or `void(inlet<In>&, outlet<Out>&)`, which reads its stream by itself;
/// - of the last: `void(In)`; or `R(inlet<In>&)`, which returns the pipeline's result.
///
/// Each unit has a copy of it. `lost(std::optional<In> const&, failure const&)`, where it is given, is told in the
/// thread that runs the pipeline of what was left out or lost; the optional is empty where a death met no element, or
/// where the function has taken the element by moving it. Where it is not given, the unobserved-failure handler is
/// told.
/// @par Shared memory          No.
/// @par Threads and processes  A description: a value.
/// @par Peer death             See stage_options::restarts.
template <class F, class L = impl::no_report> class stage {
 public:
  explicit stage(F function) : function_(std::move(function)) {}
  stage(stage_options how, F function) : how_(std::move(how)), function_(std::move(function)) {}
  stage(stage_options how, F function, L lost)
      : how_(std::move(how)), function_(std::move(function)), lost_(std::move(lost)) {}

  stage_options const& options() const noexcept { return how_; }

 private:
  friend struct impl::stage_access;

  stage_options how_;
  F function_;
  [[no_unique_address]] L lost_{};
};

template <class F> explicit stage(F) -> stage<F>;
template <class F> stage(stage_options, F) -> stage<F>;
template <class F, class L> stage(stage_options, F, L) -> stage<F, L>;

namespace impl {

struct stage_access {
  template <class F, class L> static F const& function(stage<F, L> const& of) noexcept { return of.function_; }
  template <class F, class L> static L& lost(stage<F, L>& of) noexcept { return of.lost_; }
};

}  // namespace impl

}  // namespace tandem

#endif  // TANDEM_CREW_STAGE_HPP
