// expect: use tandem::shm::string
// SPDX-License-Identifier: BSL-1.0
#include <optional>
#include <string>
#include <utility>

#include "tandem/core/impl/require_shareable.hpp"

// As tandem::shared<T> does.
template <class T> struct place { place() { tandem::impl::require_shareable<T>(); } };

place<std::pair<int, std::optional<std::string>>> const here;
