// SPDX-License-Identifier: BSL-1.0
// How std's exceptions travel. std::bad_function_call, future_error and regex_error are left out for the cost of their
// headers; a program that wants them as themselves registers them: the first by register_exception alone, the others
// after it has written a codec.
#ifndef TANDEM_CORE_IMPL_STANDARD_EXCEPTIONS_HPP
#define TANDEM_CORE_IMPL_STANDARD_EXCEPTIONS_HPP

#include <exception>     // for exception, bad_exception
#include <filesystem>    // for filesystem_error
#include <ios>           // for ios_base
#include <memory>        // for bad_weak_ptr
#include <new>           // for bad_alloc, bad_array_new_length
#include <optional>      // for bad_optional_access
#include <stdexcept>     // for runtime_error, logic_error and their kin
#include <string>        // for string
#include <string_view>   // for string_view
#include <system_error>  // for system_error
#include <typeinfo>      // for bad_cast, bad_typeid
#include <variant>       // for bad_variant_access

#include "tandem/core/codec_error_code.hpp"      // for codec<error_code>
#include "tandem/core/codec_path.hpp"            // for codec<path>
#include "tandem/core/codec_string.hpp"          // for codec<string>
#include "tandem/core/impl/exception_types.hpp"  // for exception_type, capture, make_plain

namespace tandem::impl {

/// What a system_error was given to say: its what() without the ": message" that its constructor added, or will add
/// again.
inline std::string given_text(std::system_error const& thrown) {
  std::string_view what = thrown.std::system_error::what();
  std::string const added = ": " + thrown.code().message();
  if (what.ends_with(added)) what.remove_suffix(added.size());
  return std::string{what};
}

inline void encode_system_error(writer& to) {
  try {
    throw;
  } catch (std::system_error const& thrown) {
    codec<std::error_code>::encode(to, thrown.code());
    codec<std::string>::encode(to, given_text(thrown));
  }
}

template <class E>
std::exception_ptr make_system_error(std::string const& what, reader* rest, std::exception_ptr const& inner) {
  return capture(inner, [&what, rest] {
    if (rest == nullptr) return E{what, std::error_code{}};
    auto const code = codec<std::error_code>::decode(*rest);
    auto const text = codec<std::string>::decode(*rest);
    rest->finish();
    return E{text, code};
  });
}

template <>
inline std::exception_ptr make_system_error<std::system_error>(std::string const& what, reader* rest,
                                                               std::exception_ptr const& inner) {
  return capture(inner, [&what, rest] {
    if (rest == nullptr) return std::system_error{std::error_code{}, what};
    auto const code = codec<std::error_code>::decode(*rest);
    auto const text = codec<std::string>::decode(*rest);
    rest->finish();
    // One made of a code alone says the message alone.
    return text == code.message() ? std::system_error{code} : std::system_error{code, text};
  });
}

inline void encode_filesystem_error(writer& to) {
  try {
    throw;
  } catch (std::filesystem::filesystem_error const& thrown) {
    codec<std::error_code>::encode(to, thrown.code());
    codec<std::string>::encode(to, given_text(thrown));
    codec<std::filesystem::path>::encode(to, thrown.path1());
    codec<std::filesystem::path>::encode(to, thrown.path2());
  }
}

inline std::exception_ptr make_filesystem_error(std::string const& what, reader* rest,
                                                std::exception_ptr const& inner) {
  using error = std::filesystem::filesystem_error;
  return capture(inner, [&what, rest] {
    if (rest == nullptr) return error{what, std::error_code{}};
    auto const code = codec<std::error_code>::decode(*rest);
    auto const text = codec<std::string>::decode(*rest);
    auto const path1 = codec<std::filesystem::path>::decode(*rest);
    auto const path2 = codec<std::filesystem::path>::decode(*rest);
    rest->finish();
    if (!path2.empty()) return error{text, path1, path2, code};
    if (!path1.empty()) return error{text, path1, code};
    return error{text, code};
  });
}

template <class E> exception_type plain_exception() { return {typeid(E).name(), nullptr, &make_plain<E>}; }

inline exception_type const* find_standard(std::string_view name) noexcept {
  static exception_type const all[] = {
      plain_exception<std::runtime_error>(),
      plain_exception<std::logic_error>(),
      plain_exception<std::invalid_argument>(),
      plain_exception<std::domain_error>(),
      plain_exception<std::length_error>(),
      plain_exception<std::out_of_range>(),
      plain_exception<std::range_error>(),
      plain_exception<std::overflow_error>(),
      plain_exception<std::underflow_error>(),
      plain_exception<std::bad_alloc>(),
      plain_exception<std::bad_array_new_length>(),
      plain_exception<std::bad_cast>(),
      plain_exception<std::bad_typeid>(),
      plain_exception<std::bad_exception>(),
      plain_exception<std::bad_weak_ptr>(),
      plain_exception<std::bad_optional_access>(),
      plain_exception<std::bad_variant_access>(),
      plain_exception<std::exception>(),
      {typeid(std::system_error).name(), &encode_system_error, &make_system_error<std::system_error>},
      {typeid(std::ios_base::failure).name(), &encode_system_error, &make_system_error<std::ios_base::failure>},
      {typeid(std::filesystem::filesystem_error).name(), &encode_filesystem_error, &make_filesystem_error},
      // What libstdc++'s streams throw: a class of its own, derived from ios_base::failure.
      {"St13__ios_failure", &encode_system_error, &make_system_error<std::ios_base::failure>},
  };
  for (auto const& type : all) {
    if (type.name == name) return &type;
  }
  return nullptr;
}

}  // namespace tandem::impl

#endif  // TANDEM_CORE_IMPL_STANDARD_EXCEPTIONS_HPP
