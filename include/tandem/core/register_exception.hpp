// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_CORE_REGISTER_EXCEPTION_HPP
#define TANDEM_CORE_REGISTER_EXCEPTION_HPP

#include <string>       // for string
#include <type_traits>  // for is_class_v, is_abstract_v
#include <typeinfo>     // for type_info

#include "tandem/core/impl/exception_types.hpp"  // for exception_type, link_exception

namespace tandem {

/// Makes exceptions of exactly the type E arrive as themselves: register it in the process that looks at outcomes, and,
/// where E is transferable, also in the one that throws (before a fork is both). Otherwise an E is made of its what(),
/// by a constructor that takes std::string const&, or by its default constructor. What is not registered arrives as
/// remote_exception. Registering twice does nothing.
/// @par Threads  May be called at any time.  @par Cost  No allocation; a line in a list, searched when such an
/// exception travels.
/// @throws nothing.
template <class E> void register_exception() noexcept {
  static_assert(std::is_class_v<E> && !std::is_abstract_v<E> && std::is_copy_constructible_v<E>,
                "tandem: register_exception<E>: E is a class that can be thrown");
  static_assert(
      impl::is_transferable<E>() || impl::made_of_what<E> || impl::made_of_nothing<E>,
      "tandem: register_exception<E>: E needs a constructor from std::string const& (it is given what()), or a "
      "default constructor, or a codec: specialise tandem::codec<E>");
  static bool const once = [] {
    static impl::exception_type type = [] {
      if constexpr (impl::is_transferable<E>()) {
        return impl::exception_type{typeid(E).name(), &impl::encode_by_codec<E>, &impl::make_by_codec<E>};
      } else {
        return impl::exception_type{typeid(E).name(), nullptr, &impl::make_plain<E>};
      }
    }();
    impl::link_exception(type);
    return true;
  }();
  static_cast<void>(once);
}

}  // namespace tandem

#endif  // TANDEM_CORE_REGISTER_EXCEPTION_HPP
