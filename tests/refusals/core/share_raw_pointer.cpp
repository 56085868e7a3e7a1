// expect: use tandem::shared<T> for what it points to
// SPDX-License-Identifier: BSL-1.0
#include "tandem/core/impl/require_shareable.hpp"

// As tandem::shared<T> does.
template <class T> struct place { place() { tandem::impl::require_shareable<T>(); } };
place<int*> const here;
