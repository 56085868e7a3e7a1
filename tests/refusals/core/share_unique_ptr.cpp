// expect: tandem: a smart pointer of std leads into the memory of one process: use tandem::shared<T>
// SPDX-License-Identifier: BSL-1.0
#include <memory>

#include "tandem/core/impl/require_shareable.hpp"

// As tandem::shared<T> does.
template <class T> struct place { place() { tandem::impl::require_shareable<T>(); } };
place<std::unique_ptr<int>> const here;
