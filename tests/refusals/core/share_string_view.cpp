// expect: use tandem::shm::string or tandem::shm::vector
// SPDX-License-Identifier: BSL-1.0
#include <string_view>

#include "tandem/core/impl/require_shareable.hpp"

// As tandem::shared<T> does.
template <class T> struct place { place() { tandem::impl::require_shareable<T>(); } };
place<std::string_view> const here;
