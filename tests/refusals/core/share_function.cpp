// expect: tandem: std::function keeps its closure in the memory of one process
// SPDX-License-Identifier: BSL-1.0
#include <functional>

#include "tandem/core/impl/require_shareable.hpp"

// As tandem::shared<T> does.
template <class T> struct place { place() { tandem::impl::require_shareable<T>(); } };
place<std::function<void()>> const here;
