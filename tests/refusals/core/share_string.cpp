// expect: use tandem::shm::string
// SPDX-License-Identifier: BSL-1.0
#include <string>

#include "tandem/core/impl/require_shareable.hpp"

// As tandem::shared<T> does.
template <class T> struct place { place() { tandem::impl::require_shareable<T>(); } };
place<std::string> const here;
