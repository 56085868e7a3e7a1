// expect: use the like-named type in tandem
// SPDX-License-Identifier: BSL-1.0
#include <condition_variable>

#include "tandem/core/impl/require_shareable.hpp"

// As tandem::shared<T> does.
template <class T> struct place { place() { tandem::impl::require_shareable<T>(); } };
place<std::condition_variable> const here;
