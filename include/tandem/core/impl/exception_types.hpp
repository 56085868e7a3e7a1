// SPDX-License-Identifier: BSL-1.0
// The exceptions that can be made again in another process: for each type, how to send what its what() does not say,
// and how to make one. std's own and those that the program has registered are described alike.
#ifndef TANDEM_CORE_IMPL_EXCEPTION_TYPES_HPP
#define TANDEM_CORE_IMPL_EXCEPTION_TYPES_HPP

#include <atomic>       // for atomic
#include <exception>    // for exception_ptr, nested_exception, throw_with_nested
#include <string>       // for string
#include <string_view>  // for string_view
#include <type_traits>  // for is_constructible_v
#include <typeinfo>     // for type_info
#include <utility>      // for move

#include "tandem/core/codec.hpp"          // for codec, reader, writer
#include "tandem/core/impl/transfer.hpp"  // for is_transferable

namespace tandem::impl {

/// How the exceptions of one type travel.
struct exception_type {
  /// Its mangled name.
  std::string_view name;
  /// Writes what what() does not say of the exception that is being handled; null where there is nothing.
  void (*encode)(writer& to);
  /// Makes one that said `what` and around `inner`, if any. `rest` is what `encode` wrote, null where its process knew
  /// less.
  std::exception_ptr (*make)(std::string const& what, reader* rest, std::exception_ptr const& inner);
  exception_type* next = nullptr;
};

/// The exception_ptr of what `make` returns, thrown while `inner` is handled, if there is one, so that it nests.
template <class Make> std::exception_ptr capture(std::exception_ptr const& inner, Make const& make) {
  bool made = false;
  auto const raise = [&] {
    auto thrown = make();
    made = true;
    if (inner == nullptr) throw std::move(thrown);
    std::throw_with_nested(std::move(thrown));
  };
  try {
    if (inner == nullptr) raise();
    try {
      std::rethrow_exception(inner);
    } catch (...) { raise(); }
  } catch (...) {
    if (!made) throw;  // not the exception: a failure to make it
    return std::current_exception();
  }
  return nullptr;  // not reached
}

/// Says how to make an E of what it said; for one whose what() is always the same, of nothing.
template <class E> inline constexpr bool made_of_what = std::is_constructible_v<E, std::string const&>;
template <class E> inline constexpr bool made_of_nothing = std::is_default_constructible_v<E>;

template <class E> E make_from_what(std::string const& what) {
  if constexpr (made_of_what<E>)
    return E(what);
  else if constexpr (made_of_nothing<E>)
    return E();
  else
    bad_message("an exception without its codec's bytes");
}

template <class E>
std::exception_ptr make_plain(std::string const& what, reader* /*rest*/, std::exception_ptr const& inner) {
  return capture(inner, [&what] { return make_from_what<E>(what); });
}

template <class E> void encode_by_codec(writer& to) {
  try {
    throw;
  } catch (E& thrown) { codec<E>::encode(to, thrown); }
}

template <class E>
std::exception_ptr make_by_codec(std::string const& what, reader* rest, std::exception_ptr const& inner) {
  return capture(inner, [&what, rest]() -> E {
    if (rest == nullptr) return make_from_what<E>(what);
    auto thrown = codec<E>::decode(*rest);
    rest->finish();
    return thrown;
  });
}

/// The types that the program has registered: a list that only grows, of nodes that are static.
inline std::atomic<exception_type*> registered_exceptions{nullptr};

inline void link_exception(exception_type& added) noexcept {
  added.next = registered_exceptions.load(std::memory_order_relaxed);
  while (!registered_exceptions.compare_exchange_weak(added.next, &added,
                                                      std::memory_order_release,  // pairs with find_registered
                                                      std::memory_order_relaxed)) {}
}

inline exception_type const* find_registered(std::string_view name) noexcept {
  // acquire: the node is complete before it is linked; pairs with link_exception.
  for (auto const* at = registered_exceptions.load(std::memory_order_acquire); at != nullptr; at = at->next) {
    if (at->name == name) return at;
  }
  return nullptr;
}

}  // namespace tandem::impl

#endif  // TANDEM_CORE_IMPL_EXCEPTION_TYPES_HPP
