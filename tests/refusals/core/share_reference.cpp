// expect: tandem: a reference leads into the memory of one process
// SPDX-License-Identifier: BSL-1.0
#include "tandem/core/impl/require_shareable.hpp"

// As tandem::shared<T> does.
template <class T> struct place { place() { tandem::impl::require_shareable<T>(); } };
place<int&> const here;
