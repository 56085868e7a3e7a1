// SPDX-License-Identifier: BSL-1.0
// What a supervisor's child does, kept so that it can be started again and again.
#ifndef TANDEM_CREW_IMPL_CHILD_WORK_HPP
#define TANDEM_CREW_IMPL_CHILD_WORK_HPP

#include <tuple>        // for apply, forward_as_tuple, tuple
#include <type_traits>  // for decay_t, invoke_result_t, is_copy_constructible_v, is_invocable_v
#include <utility>      // for forward, move

#include "tandem/core/mode.hpp"                // for mode
#include "tandem/crew/impl/pulse.hpp"          // for pulse, pulse_here
#include "tandem/execution/impl/workload.hpp"  // for require_workload
#include "tandem/execution/options.hpp"        // for options
#include "tandem/execution/unit.hpp"           // for unit
#include "tandem/memory/shared.hpp"            // for shared

namespace tandem::impl {

class child_work {
 public:
  virtual ~child_work() = default;
  /// Starts it. `pulse`: where it beats, or nothing. @throws as the unit's constructor; what the copies throw
  virtual unit<void> start(tandem::mode mode, options how, shared<pulse> const& pulse) const = 0;
};

/// Calls F with a pulse. In this order there is no padding but F's own: it may travel where F may.
template <class F> struct supervised {
  shared<impl::pulse> pulse;
  [[no_unique_address]] F function;

  template <class... A>
    requires std::is_invocable_v<F, A...> std::invoke_result_t<F, A...>
  operator()(A&&... arguments) && {
    pulse_here const mine(pulse.get());
    return std::apply(std::move(function), std::forward_as_tuple(std::forward<A>(arguments)...));
  }
};

template <class T>
concept has_dup = requires(T const& one) {
  T(one.dup());
};

/// One more of what is kept.
template <class T> decltype(auto) again(T const& kept) {
  if constexpr (std::is_copy_constructible_v<T>)
    return (kept);
  else
    return kept.dup();
}

/// By the rules of threads, or of processes; `Start` makes a unit<void> of a mode, options, a callable and its
/// arguments.
template <class Rules, class Start, class F, class... A> class kept_work final : public child_work {
  template <class T> using kept = typename Rules::template kept<T>;

 public:
  explicit kept_work(F&& f, A&&... arguments)
      : function_(std::forward<F>(f)), arguments_(std::forward<A>(arguments)...) {
    require_workload<Rules, F, A...>();
    static_assert(std::is_copy_constructible_v<std::decay_t<F>>,
                  "tandem: supervisor::add: the function is kept, and copied at each start: this one cannot be copied");
    static_assert(((std::is_copy_constructible_v<kept<A>> || has_dup<kept<A>>)&&...),
                  "tandem: supervisor::add: the arguments are kept, and copied at each start: one of these can be "
                  "neither copied nor dup()ed: make it in the function, or share it (shared<T>, std::shared_ptr)");
  }

  unit<void> start(tandem::mode mode, options how, shared<pulse> const& pulse) const override {
    return std::apply(
        [&](auto const&... each) {
          return Start::start(mode, std::move(how), supervised<std::decay_t<F>>{pulse, function_}, again(each)...);
        },
        arguments_);
  }

 private:
  std::decay_t<F> function_;
  std::tuple<kept<A>...> arguments_;
};

}  // namespace tandem::impl

#endif  // TANDEM_CREW_IMPL_CHILD_WORK_HPP
