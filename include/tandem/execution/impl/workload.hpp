// SPDX-License-Identifier: BSL-1.0
// A workload: a callable and its arguments, kept as the unit will use them, and what calling it gives.
#ifndef TANDEM_EXECUTION_IMPL_WORKLOAD_HPP
#define TANDEM_EXECUTION_IMPL_WORKLOAD_HPP

#include <string>       // for string
#include <tuple>        // for apply, forward_as_tuple, tuple
#include <type_traits>  // for decay_t, invoke_result_t, is_invocable_v
#include <utility>      // for forward, move

#include "tandem/core/impl/transfer.hpp"  // for require_transferable
#include "tandem/execution/borrow.hpp"    // for borrowed
#include "tandem/sync/stop_token.hpp"     // for stop_token, stop_source

namespace tandem {

struct options;

namespace impl {

/// How arguments are kept: by std's rule for a thread.
struct thread_rules {
  template <class A> using kept = std::decay_t<A>;
  template <class A> static consteval void require() {}
};

template <class T> inline constexpr bool is_borrowed = false;
template <class T> inline constexpr bool is_borrowed<borrowed<T>> = true;

/// For a process: what could not cross the wall is refused, and a string literal is text.
struct process_rules {
  template <class A> struct keep { using type = std::decay_t<A>; };
  template <std::size_t N> struct keep<char const (&)[N]> { using type = std::string; };
  template <class A> using kept = typename keep<A>::type;

  template <class A> static consteval void require() {
    using value = kept<A>;
    if constexpr (!is_borrowed<value> && !std::is_same_v<value, stop_token> && !std::is_same_v<value, stop_source>)
      require_transferable<value>();
  }
};

/// What the callable receives for a kept argument: the argument itself, moved; for a borrowed one, the object.
template <class T> T&& handed(T& argument) noexcept { return static_cast<T&&>(argument); }
template <class T> T const& handed(borrowed<T>& argument) noexcept { return argument.get(); }
template <class T> using handed_t = decltype(handed(std::declval<T&>()));

/// What a call gives, decayed: with the stop token first where the callable takes one, as std::jthread. `no_call` if it
/// cannot be called either way.
struct no_call {};
template <class F, class... A> consteval auto result_type() {
  if constexpr (std::is_invocable_v<F, stop_token, A...>)
    return std::type_identity<std::decay_t<std::invoke_result_t<F, stop_token, A...>>>{};
  else if constexpr (std::is_invocable_v<F, A...>)
    return std::type_identity<std::decay_t<std::invoke_result_t<F, A...>>>{};
  else
    return std::type_identity<no_call>{};
}

template <class Rules, class F, class... A>
using result_of =
    typename decltype(result_type<std::decay_t<F>, handed_t<typename Rules::template kept<A>>...>())::type;

template <class T> inline constexpr bool is_options = std::is_same_v<std::remove_cvref_t<T>, options>;

/// Refuses, in words, what cannot be a workload under these rules.
template <class Rules, class F, class... A> consteval void require_workload() {
  (Rules::template require<A>(), ...);
  using result = result_of<Rules, F, A...>;
  static_assert(!std::is_same_v<result, no_call>,
                "tandem: the workload cannot be called with these arguments: they are handed over by value, or as T "
                "const& where borrowed, behind a "
                "stop_token if it takes one first");
  if constexpr (std::is_same_v<Rules, process_rules> && !std::is_void_v<result> && !std::is_same_v<result, no_call>)
    require_transferable<result>();
}

/// Calls `f` with the arguments kept in a tuple, behind the stop token if it takes one.
template <class R, class F, class... Kept>
R call_workload(F& f, std::tuple<Kept...>& arguments, stop_token const& stop) {
  return std::apply(
      [&](Kept&... kept) -> R {
        if constexpr (std::is_invocable_v<F, stop_token, handed_t<Kept>...>)
          return std::apply(std::move(f), std::forward_as_tuple(stop_token(stop), handed(kept)...));
        else
          return std::apply(std::move(f), std::forward_as_tuple(handed(kept)...));
      },
      arguments);
}

/// A callable and its arguments, decay-copied.
template <class Rules, class F, class... A> class workload {
 public:
  using result = result_of<Rules, F, A...>;

  explicit workload(F&& f, A&&... arguments)
      : callable_(std::forward<F>(f)), arguments_(std::forward<A>(arguments)...) {}

  /// Calls it, once.
  result run(stop_token const& stop) { return call_workload<result>(callable_, arguments_, stop); }

  auto& arguments() noexcept { return arguments_; }

 private:
  std::decay_t<F> callable_;
  std::tuple<typename Rules::template kept<A>...> arguments_;
};

}  // namespace impl
}  // namespace tandem

#endif  // TANDEM_EXECUTION_IMPL_WORKLOAD_HPP
