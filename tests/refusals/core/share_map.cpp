// expect: use tandem::shm::map or tandem::shm::unordered_map
// SPDX-License-Identifier: BSL-1.0
#include <map>

#include "tandem/core/impl/require_shareable.hpp"

// As tandem::shared<T> does.
template <class T> struct place { place() { tandem::impl::require_shareable<T>(); } };
place<std::map<int, int>> const here;
