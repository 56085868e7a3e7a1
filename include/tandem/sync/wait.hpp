// SPDX-License-Identifier: BSL-1.0
// Waiting for one of several things, or for all of them, of any kinds.
#ifndef TANDEM_SYNC_WAIT_HPP
#define TANDEM_SYNC_WAIT_HPP

#include <array>        // for array
#include <chrono>       // for nanoseconds
#include <concepts>     // for same_as
#include <cstddef>      // for size_t
#include <optional>     // for nullopt, optional
#include <ranges>       // for begin, end, input_range, range_reference_t
#include <type_traits>  // for remove_reference_t
#include <vector>       // for vector

#include "tandem/core/deadline.hpp"         // for deadline
#include "tandem/sync/impl/wait_limit.hpp"  // for as_deadline, time_limit
#include "tandem/sync/impl/wait_poll.hpp"   // for poll_any, poll_one, slot_of
#include "tandem/sync/stop_token.hpp"       // for stop_token
#include "tandem/sync/waitable.hpp"         // for waitable

namespace tandem {

namespace impl {

template <class T>
concept range_of_waitables = std::ranges::input_range<T> && waitable<std::ranges::range_reference_t<T>>;

/// Waitables one by one, or one range of them.
template <class... T>
concept waited_for = sizeof...(T) > 0 &&
                     ((waitable<T> && ...) || (sizeof...(T) == 1 && (range_of_waitables<T> && ...)));

template <class... T> std::optional<std::size_t> wait_for_any(stop_token const& stop, deadline until, T&... things) {
  if constexpr ((waitable<T> && ...)) {
    std::size_t index = 0;
    std::array<pollfd, sizeof...(T) + 1> slots{slot_of(things, index++)...};
    return poll_any(slots.data(), sizeof...(T), until, stop);
  } else {
    std::vector<pollfd> slots;
    for (auto& range : {&things...}) {
      if constexpr (std::ranges::sized_range<decltype(*range)>) slots.reserve(std::ranges::size(*range) + 1);
      for (auto&& one : *range) slots.push_back(slot_of(one, slots.size()));
    }
    std::size_t const count = slots.size();
    slots.emplace_back();  // the stop token's
    return poll_any(slots.data(), count, until, stop);
  }
}

template <class... T> bool wait_for_all(stop_token const& stop, deadline until, T&... things) {
  std::size_t index = 0;
  stop_slot stopped(stop);
  if constexpr ((waitable<T> && ...)) {
    return (poll_one(things, index++, until, stopped) && ...);
  } else {
    for (auto& range : {&things...}) {
      for (auto&& one : *range) {
        if (!poll_one(one, index++, until, stopped)) return false;
      }
    }
    return true;
  }
}

}  // namespace impl

/// Blocks until one of `things` (waitables of any kinds, or one range of them) is ready, and returns its index. A unit
/// is ready when try_join would give its outcome. Of several that are ready any may be returned, each with the same
/// chance. Nothing is taken: it stays ready until it is joined, waited for, read.
/// @throws std::invalid_argument naming the index of what owns nothing to wait for, or where there is nothing at all;
/// std::system_error naming the index of what has no open descriptor, EMFILE
/// @par Cost  Grows with their number, as poll(2): for thousands that are waited for again and again use a wait_set.
/// A thread gets a descriptor, kept until it is joined, when it is first waited for here while it runs.
template <class... T>
  requires impl::waited_for<T...> std::size_t wait_any(T&&... things) {
    return *impl::wait_for_any(stop_token(), deadline::never(), things...);
  }

/// The same, at most until `limit` (a deadline, a duration, a point in time): std::nullopt if nothing is ready then.
/// One that has passed looks once.
template <impl::time_limit L, class... T>
  requires impl::waited_for<T...> std::optional<std::size_t> wait_any(L const& limit, T&&... things) {
    return impl::wait_for_any(stop_token(), impl::as_deadline(limit), things...);
  }

/// The same until a stop is requested: std::nullopt then, whatever is ready. @throws also as stop_callback
template <class... T>
  requires impl::waited_for<T...> std::optional<std::size_t> wait_any(stop_token const& stop, T&&... things) {
    return impl::wait_for_any(stop, deadline::never(), things...);
  }
template <impl::time_limit L, class... T>
  requires impl::waited_for<T...> std::optional<std::size_t> wait_any(stop_token const& stop, L const& limit,
                                                                      T&&... things) {
    return impl::wait_for_any(stop, impl::as_deadline(limit), things...);
  }

/// Blocks until each of `things` has been ready. Of nothing: returns at once.
/// @throws as wait_any; what comes after one that is not ready is not looked at before
template <class... T>
  requires impl::waited_for<T...>
void wait_all(T&&... things) { impl::wait_for_all(stop_token(), deadline::never(), things...); }

/// The same, at most until `limit`: whether each has been ready by then.
template <impl::time_limit L, class... T>
  requires impl::waited_for<T...>
bool wait_all(L const& limit, T&&... things) {
  return impl::wait_for_all(stop_token(), impl::as_deadline(limit), things...);
}

/// The same until a stop is requested: false then.
template <class... T>
  requires impl::waited_for<T...>
bool wait_all(stop_token const& stop, T&&... things) { return impl::wait_for_all(stop, deadline::never(), things...); }
template <impl::time_limit L, class... T>
  requires impl::waited_for<T...>
bool wait_all(stop_token const& stop, L const& limit, T&&... things) {
  return impl::wait_for_all(stop, impl::as_deadline(limit), things...);
}

}  // namespace tandem

#endif  // TANDEM_SYNC_WAIT_HPP
