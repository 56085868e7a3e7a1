// SPDX-License-Identifier: BSL-1.0
// An object of shared memory that tells, in a word that the tests' processes share, how many of its kind live.
#ifndef TANDEM_TESTS_MEMORY_COUNTED_HPP
#define TANDEM_TESTS_MEMORY_COUNTED_HPP

#include <atomic>  // for atomic

#include "tandem/core/shareable.hpp"

namespace tandem_test {

struct counted {
  explicit counted(std::atomic<int>& in) : alive(&in) { ++*alive; }
  ~counted() { --*alive; }
  std::atomic<int>* alive;
};

}  // namespace tandem_test

template <> inline constexpr bool tandem::enable_shareable<tandem_test::counted> = true;

#endif  // TANDEM_TESTS_MEMORY_COUNTED_HPP
