// SPDX-License-Identifier: BSL-1.0
// Elements of all kinds that queues treat in their own ways: one number each, and the rest made of it.
#ifndef TANDEM_TESTS_QUEUE_ELEMENTS_HPP
#define TANDEM_TESTS_QUEUE_ELEMENTS_HPP

#include <array>    // for array
#include <cstdint>  // for uint8_t
#include <string>   // for stoi, string, to_string

#include "support/build_kind.hpp"

namespace tandem_test {

/// As large as is copied out before it is taken.
struct wide {
  std::array<long, 8> same;
};
/// So large that it is taken in its place.
struct large {
  std::array<int, 24> same;
};
struct page {
  std::array<int, 1024> same;
};

template <class T> T make(int number) {
  if constexpr (requires(T value) { value.same; }) {
    T value;
    value.same.fill(number);
    return value;
  } else if constexpr (requires(T value) { value.size(); }) {
    return std::to_string(number) + std::string(static_cast<std::size_t>(number % 50), 'x');
  } else {
    return static_cast<T>(number);
  }
}

/// -1: torn.
template <class T> int number_of(T const& value) {
  if constexpr (requires { value.same; }) {
    for (auto const one : value.same)
      if (one != value.same[0]) return -1;
    return static_cast<int>(value.same[0]);
  } else if constexpr (requires { value.size(); }) {
    int const number = std::stoi(value);
    return value == make<T>(number) ? number : -1;
  } else {
    return static_cast<int>(value);
  }
}

}  // namespace tandem_test

#endif  // TANDEM_TESTS_QUEUE_ELEMENTS_HPP
