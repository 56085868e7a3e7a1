// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_CREW_IMPL_UNIT_KIND_HPP
#define TANDEM_CREW_IMPL_UNIT_KIND_HPP

#include "tandem/core/mode.hpp"          // for mode
#include "tandem/execution/process.hpp"  // for process
#include "tandem/execution/unit.hpp"     // for unit

namespace tandem::impl {

/// Which mode a kind of unit is; that of unit itself is chosen at run time.
template <template <class> class Unit> inline constexpr bool is_chosen = false;
template <> inline constexpr bool is_chosen<unit> = true;
template <template <class> class Unit> inline constexpr tandem::mode mode_of = tandem::mode::thread;
template <> inline constexpr tandem::mode mode_of<process> = tandem::mode::process;

}  // namespace tandem::impl

#endif  // TANDEM_CREW_IMPL_UNIT_KIND_HPP
