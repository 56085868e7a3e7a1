// SPDX-License-Identifier: BSL-1.0
// An exception as others see it: the name of its type, what it says, and the exception itself.
#ifndef TANDEM_CORE_IMPL_THROWN_HPP
#define TANDEM_CORE_IMPL_THROWN_HPP

#include <cxxabi.h>  // for __cxa_demangle, __cxa_current_exception_type

#include <cstdlib>      // for free
#include <exception>    // for exception, exception_ptr, rethrow_exception
#include <string>       // for string, to_string
#include <string_view>  // for string_view
#include <typeinfo>     // for type_info
#include <utility>      // for move

#include "tandem/core/remote_exception.hpp"  // for remote_exception

namespace tandem::impl {

/// An exception that was thrown, here or, rebuilt, elsewhere.
struct thrown_record {
  std::string type;              // demangled
  std::string what;              // empty where the exception has nothing to say
  std::exception_ptr exception;  // the exception, or what stands for it here
};

inline std::string demangle(char const* name) {
  char* const readable = abi::__cxa_demangle(name, nullptr, nullptr, nullptr);
  if (readable == nullptr) return name;
  std::string text;
  try {
    text = readable;
  } catch (...) {
    std::free(readable);
    throw;
  }
  std::free(readable);
  return text;
}

/// The mangled name of the type that the user threw: std::throw_with_nested wraps it in a class of std's own.
inline std::string unwrapped_name(std::string_view mangled) {
  for (std::string_view const wrapper : {"St17_Nested_exceptionI", "NSt3__18__nestedI"}) {  // libstdc++'s, libc++'s
    bool const whole = wrapper.front() == 'N' ? mangled.ends_with("EE") : mangled.ends_with('E');
    if (mangled.starts_with(wrapper) && whole) {
      mangled.remove_prefix(wrapper.size());
      mangled.remove_suffix(wrapper.front() == 'N' ? 2 : 1);
      break;
    }
  }
  return std::string{mangled};
}

inline char const* what_of(std::exception const& thrown) noexcept {
  char const* const what = thrown.what();
  return what != nullptr ? what : "";
}

/// Calls `visit(mangled type name, what, the std::exception or nullptr)` for `thrown`, within its handler.
template <class F> void inspect(std::exception_ptr const& thrown, F const& visit) {
  try {
    std::rethrow_exception(thrown);
  } catch (std::exception const& e) {
    visit(unwrapped_name(typeid(e).name()), std::string{what_of(e)}, &e);
  } catch (std::string const& text) {
    visit(std::string{typeid(text).name()}, std::string{text}, nullptr);
  } catch (char const* text) {
    visit(std::string{typeid(text).name()}, std::string{text != nullptr ? text : ""}, nullptr);
  } catch (int number) { visit(std::string{typeid(number).name()}, std::to_string(number), nullptr); } catch (...) {
    std::type_info const* const type = abi::__cxa_current_exception_type();
    visit(type != nullptr ? unwrapped_name(type->name()) : std::string{}, std::string{}, nullptr);
  }
}

/// The readable name of a type by its mangled one, as users write it: without the inline namespaces and ABI tags of
/// std.
inline std::string type_name(std::string const& mangled) {
  if (mangled.empty()) return "an exception of another language";
  if (mangled == typeid(std::string).name()) return "std::string";
  if (mangled == "St13__ios_failure")
    return "std::ios_base::failure";  // libstdc++'s streams throw a class derived from it
  std::string name = demangle(mangled.c_str());
  for (std::string_view const inner : {"::__cxx11::", "::__1::", "[abi:cxx11]"}) {
    for (auto at = name.find(inner); at != std::string::npos; at = name.find(inner, at)) {
      name.replace(at, inner.size(), inner.front() == ':' ? "::" : "");
    }
  }
  return name;
}

/// Name and words of an exception of this process.
inline thrown_record describe(std::exception_ptr const& thrown) {
  thrown_record record{{}, {}, thrown};
  inspect(thrown, [&record](std::string const& mangled, std::string&& what, std::exception const* exception) {
    auto const* const remote = dynamic_cast<remote_exception const*>(exception);
    record.type = remote != nullptr ? std::string{remote->type()} : type_name(mangled);
    record.what = std::move(what);
  });
  return record;
}

}  // namespace tandem::impl

#endif  // TANDEM_CORE_IMPL_THROWN_HPP
