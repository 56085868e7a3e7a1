// SPDX-License-Identifier: BSL-1.0
// What wait_any, wait_all and wait_set wait for.
#ifndef TANDEM_SYNC_WAITABLE_HPP
#define TANDEM_SYNC_WAITABLE_HPP

#include <concepts>     // for same_as
#include <optional>     // for nullopt, optional
#include <type_traits>  // for remove_cvref_t

#include "tandem/core/deadline.hpp"  // for deadline
#include "tandem/resource/fd.hpp"    // for fd

namespace tandem {

namespace impl {

template <class T>
concept has_wait_handle = requires(T& one) {
  { one.wait_handle() } -> std::same_as<int>;
};
template <class T>
concept has_native_descriptor = requires(T& one) {
  { one.native_handle() } -> std::same_as<int>;
};
template <class T>
concept directly_waitable = has_wait_handle<T> || has_native_descriptor<T> || std::same_as<std::remove_cvref_t<T>, fd>;

/// A pointer or an optional: empty, it has nothing to wait for.
template <class T>
concept may_be_empty = requires(T& one) {
  static_cast<bool>(one);
  requires directly_waitable<decltype(*one)>;
};
/// std::reference_wrapper and its like.
template <class T>
concept refers = requires(T& one) {
  typename std::remove_cvref_t<T>::type;
  requires directly_waitable<decltype(one.get())>;
};

}  // namespace impl

/// What can be waited for beside others: it has a descriptor that is readable while it is ready. That is a type with
///
///     int wait_handle();            // or, where there is none,
///     int native_handle();
///
/// (of the library: threads, processes, units, events, the ends of queues), an fd, or a pointer, an optional or a
/// reference_wrapper to one of these. A negative handle means that there is nothing to wait for.
template <class T>
concept waitable = impl::directly_waitable<T> || impl::may_be_empty<T> || impl::refers<T>;

namespace impl {

/// What the library's own types tell beyond their descriptor.
struct wait_access {
  /// Whether it is known to be ready without asking the kernel, and so without a descriptor.
  template <class T> static bool known_ready(T& one) {
    if constexpr (directly_waitable<T>) {
      if constexpr (requires { one.known_ready(); })
        return one.known_ready();
      else
        return false;
    } else if constexpr (may_be_empty<T>) {
      return static_cast<bool>(one) && known_ready(*one);
    } else {
      return known_ready(one.get());
    }
  }

  /// Sleeps without a descriptor, where it can: whether it has become ready in time.
  template <class T> static std::optional<bool> sleep_until(T& one, deadline until) {
    if constexpr (directly_waitable<T>) {
      if constexpr (requires { one.sleep_until(until); })
        return one.sleep_until(until);
      else
        return std::nullopt;
    } else if constexpr (may_be_empty<T>) {
      return static_cast<bool>(one) ? sleep_until(*one, until) : std::nullopt;
    } else {
      return sleep_until(one.get(), until);
    }
  }

  /// Its descriptor; negative where there is nothing to wait for.
  template <class T> static int handle(T& one) {
    if constexpr (has_wait_handle<T>)
      return one.wait_handle();
    else if constexpr (has_native_descriptor<T>)
      return one.native_handle();
    else if constexpr (directly_waitable<T>)
      return one.get();
    else if constexpr (may_be_empty<T>)
      return static_cast<bool>(one) ? handle(*one) : -1;
    else
      return handle(one.get());
  }
};

}  // namespace impl

}  // namespace tandem

#endif  // TANDEM_SYNC_WAITABLE_HPP
