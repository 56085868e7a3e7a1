// SPDX-License-Identifier: BSL-1.0
// On which CPUs the sides of a measurement run. A wake-up across CPUs can cost ten times one on the same CPU, so where
// there are two sides, say which is meant, or measure both.
#ifndef TANDEM_BENCH_SUPPORT_PLACEMENT_HPP
#define TANDEM_BENCH_SUPPORT_PLACEMENT_HPP

#include <optional>     // for optional
#include <string_view>  // for string_view

namespace tandem_bench {

enum class placement {
  free,      ///< as the kernel pleases
  one_cpu,   ///< all sides on the first CPU that is allowed
  two_cpus,  ///< side 0 on the first CPU that is allowed, side 1 on the second
};

char const* describe(placement where) noexcept;
/// "free", "one", "two"
std::optional<placement> placement_named(std::string_view name) noexcept;

/// How many CPUs this process was given at its start.
int allowed_cpus() noexcept;

/// Where the current question runs. The harness sets it, and pins the main thread as side 0.
placement current_placement() noexcept;
void set_placement(placement where) noexcept;

/// Called by each further side of a measurement, in its own thread or process: pins the caller as the current placement
/// says. A thread or process inherits its starter's place, so in placement::one_cpu this does nothing.
void pin_side(int side) noexcept;

}  // namespace tandem_bench

#endif  // TANDEM_BENCH_SUPPORT_PLACEMENT_HPP
