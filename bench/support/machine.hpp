// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_BENCH_SUPPORT_MACHINE_HPP
#define TANDEM_BENCH_SUPPORT_MACHINE_HPP

#include <string>   // for string
#include <utility>  // for pair
#include <vector>   // for vector

namespace tandem_bench {

/// Without these a figure says little: where it was measured, and of what.
std::vector<std::pair<std::string, std::string>> provenance();

/// How busy the machine has been in the last minute, itself included.
double load_average();

}  // namespace tandem_bench

#endif  // TANDEM_BENCH_SUPPORT_MACHINE_HPP
