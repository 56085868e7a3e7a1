// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_TESTS_MEMORY_LIVE_HPP
#define TANDEM_TESTS_MEMORY_LIVE_HPP

#include <cstddef>  // for size_t
#include <cstdint>  // for uint32_t

#include "tandem/memory/commons.hpp"
#include "tandem/memory/impl/region.hpp"

namespace tandem_test {

/// How many blocks of the commons are in use.
inline std::size_t live_blocks() { return tandem::commons().statistics().live_blocks; }
/// How many shared objects have lost their last holder by its death.
inline std::uint32_t lost_objects() { return tandem::impl::family().header().lost_objects.load(); }

}  // namespace tandem_test

#endif  // TANDEM_TESTS_MEMORY_LIVE_HPP
