// expect: use tandem::synchronized_value<T> for large values
// SPDX-License-Identifier: BSL-1.0
#include <atomic>

#include "tandem/core/impl/require_shareable.hpp"

// As tandem::shared<T> does.
template <class T> struct place { place() { tandem::impl::require_shareable<T>(); } };
struct big {
  long numbers[8];
};

place<std::atomic<big>> const here;
