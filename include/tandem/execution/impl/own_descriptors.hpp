// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_EXECUTION_IMPL_OWN_DESCRIPTORS_HPP
#define TANDEM_EXECUTION_IMPL_OWN_DESCRIPTORS_HPP

#include <array>  // for array

#include "tandem/execution/impl/lifeline.hpp"  // for lifeline
#include "tandem/memory/impl/region.hpp"       // for family, family_region

namespace tandem::impl {

/// What the library keeps open for itself in a process. -1: it does not.
struct own_descriptors {
  /// The program's file, where start::exec may be asked for.
  static inline constinit int program = -1;
  using told = void(int) noexcept;
  static inline constinit told* program_moved = nullptr;

  /// Its owner is told that it has another number.
  static void move_program(int to) noexcept {
    program = to;
    if (program_moved != nullptr) program_moved(to);
  }

  static std::array<int, 3> all() noexcept {
    return {family_region::exists() ? family().descriptor : -1, lifeline::held(), program};
  }
};

}  // namespace tandem::impl

#endif  // TANDEM_EXECUTION_IMPL_OWN_DESCRIPTORS_HPP
