// SPDX-License-Identifier: BSL-1.0
// What a stage's function is: what it takes, and what it makes.
#ifndef TANDEM_CREW_IMPL_STAGE_KIND_HPP
#define TANDEM_CREW_IMPL_STAGE_KIND_HPP

#include <optional>     // for optional
#include <type_traits>  // for decay_t, invoke_result_t, is_invocable_v, is_same_v, is_void_v
#include <utility>      // for declval

#include "tandem/core/impl/members.hpp"   // for types
#include "tandem/core/impl/transfer.hpp"  // for require_transferable

namespace tandem {

template <class T> class inlet;
template <class T> class outlet;

namespace impl {

/// How it takes its elements: not at all, one by one, or as a stream; and how it gives them: as its result, or into an
/// outlet.
enum class takes { nothing, elements, stream };
enum class gives { nothing, result, optional_result, into_outlet };

/// `Made`: its elements, or for the last stage its result.
template <takes Takes, gives Gives, class Made> struct stage_kind {
  static constexpr takes takes_as = Takes;
  static constexpr gives gives_as = Gives;
  using made = Made;
};

template <class T> inline constexpr bool is_optional = false;
template <class T> inline constexpr bool is_optional<std::optional<T>> = true;

template <class R, class... A> types<A...> parameters_of(R (*)(A...));
template <class R, class C, class... A> types<A...> parameters_of(R (C::*)(A...));
template <class R, class C, class... A> types<A...> parameters_of(R (C::*)(A...) const);

template <class F> consteval auto parameters() {
  if constexpr (requires { parameters_of(&F::operator()); })
    return decltype(parameters_of(&F::operator())){};
  else if constexpr (requires(F f) { parameters_of(f); })
    return decltype(parameters_of(std::declval<F>())){};
  else
    return types<>{};
}

/// Of what the outlet is that it takes last; void where there is none, or where it does not say so.
template <class Parameters> struct last_outlet { using of = void; };
template <class Out> struct last_outlet<types<outlet<Out>&>> { using of = Out; };
template <class A, class Out> struct last_outlet<types<A, outlet<Out>&>> { using of = Out; };
template <class F> using outlet_of = typename last_outlet<decltype(parameters<F>())>::of;

template <class F> consteval auto kind_of_first() {
  using out = outlet_of<F>;
  constexpr bool generates = std::is_invocable_v<F&>;
  static_assert(generates || !std::is_void_v<out>,
                "tandem: the first stage of a pipeline is called as f(outlet<Out>&), with its Out spelt out, or as f() "
                "and gives std::optional<Out>");
  if constexpr (!std::is_void_v<out>) {
    static_assert(std::is_invocable_v<F&, outlet<out>&>,
                  "tandem: the first stage of a pipeline takes nothing but an outlet");
    require_transferable<out>();
    return stage_kind<takes::nothing, gives::into_outlet, out>{};
  } else if constexpr (generates) {
    using result = std::decay_t<std::invoke_result_t<F&>>;
    static_assert(is_optional<result>,
                  "tandem: the first stage of a pipeline gives std::optional<Out>: an empty one at its end");
    require_transferable<result>();
    return stage_kind<takes::nothing, gives::optional_result, typename result::value_type>{};
  }
}

template <class F, class In> consteval auto kind_between() {
  using out = outlet_of<F>;
  if constexpr (std::is_void_v<out>) {
    constexpr bool takes_one = std::is_invocable_v<F&, In>;
    static_assert(takes_one,
                  "tandem: a stage between others is called as f(In), f(In, outlet<Out>&) or f(inlet<In>&, "
                  "outlet<Out>&), with its Out spelt out: In is what the stage before it makes");
    if constexpr (takes_one) {
      using result = std::decay_t<std::invoke_result_t<F&, In>>;
      static_assert(!std::is_void_v<result>,
                    "tandem: a stage between others makes something of each element: an Out, "
                    "or an std::optional<Out>; only the last may return void");
      if constexpr (is_optional<result>) {
        require_transferable<result>();
        return stage_kind<takes::elements, gives::optional_result, typename result::value_type>{};
      } else if constexpr (!std::is_void_v<result>) {
        require_transferable<result>();
        return stage_kind<takes::elements, gives::result, result>{};
      }
    }
  } else if constexpr (std::is_invocable_v<F&, inlet<In>&, outlet<out>&>) {
    require_transferable<out>();
    return stage_kind<takes::stream, gives::into_outlet, out>{};
  } else {
    static_assert(std::is_invocable_v<F&, In, outlet<out>&>,
                  "tandem: a stage that is handed an outlet takes an In, or an inlet<In>&, before it: In is what the "
                  "stage before it makes");
    require_transferable<out>();
    return stage_kind<takes::elements, gives::into_outlet, out>{};
  }
}

template <class F, class In> consteval auto kind_of_last() {
  if constexpr (std::is_invocable_v<F&, inlet<In>&>) {
    using result = std::decay_t<std::invoke_result_t<F&, inlet<In>&>>;
    if constexpr (!std::is_void_v<result>) require_transferable<result>();
    return stage_kind<takes::stream, gives::nothing, result>{};
  } else {
    constexpr bool takes_one = std::is_invocable_v<F&, In>;
    static_assert(takes_one,
                  "tandem: the last stage of a pipeline is called as f(In), or f(inlet<In>&): In is what "
                  "the stage before it makes");
    if constexpr (takes_one) {
      static_assert(std::is_void_v<std::invoke_result_t<F&, In>>,
                    "tandem: the last stage of a pipeline returns nothing for each element: nobody would take it. One "
                    "that is called as f(inlet<In>&) may return the pipeline's result");
    }
    return stage_kind<takes::elements, gives::nothing, void>{};
  }
}

}  // namespace impl
}  // namespace tandem

#endif  // TANDEM_CREW_IMPL_STAGE_KIND_HPP
