// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_CORE_IMPL_CALL_HPP
#define TANDEM_CORE_IMPL_CALL_HPP

#include <type_traits>  // for is_member_object_pointer_v, is_member_function_pointer_v
#include <utility>      // for forward

namespace tandem::impl {

/// std::invoke for one argument or none, without <functional>: a function, or a pointer to a member.
template <class F, class... A> constexpr decltype(auto) call(F&& f, A&&... argument) {
  using function = std::remove_cvref_t<F>;
  if constexpr (std::is_member_object_pointer_v<function>)
    return ((std::forward<A>(argument).*f), ...);
  else if constexpr (std::is_member_function_pointer_v<function>)
    return ((std::forward<A>(argument).*f)(), ...);
  else
    return std::forward<F>(f)(std::forward<A>(argument)...);
}

template <class F, class... A> using result_of_call = decltype(call(std::declval<F>(), std::declval<A>()...));

}  // namespace tandem::impl

#endif  // TANDEM_CORE_IMPL_CALL_HPP
