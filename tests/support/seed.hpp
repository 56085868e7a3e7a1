// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_TESTS_SUPPORT_SEED_HPP
#define TANDEM_TESTS_SUPPORT_SEED_HPP

#include <cstdint>  // for uint64_t
#include <cstdlib>  // for getenv, strtoull
#include <random>   // for random_device

namespace tandem_test {

/// The seed of this run's random choices: TANDEM_TEST_SEED where it is set, to repeat a failure, and a new one
/// otherwise. Tests that use it say it when they fail: INFO("TANDEM_TEST_SEED=" << test_seed()).
inline std::uint64_t test_seed() {
  static std::uint64_t const seed = [] {
    auto const* text = std::getenv("TANDEM_TEST_SEED");
    return text != nullptr ? std::strtoull(text, nullptr, 0) : std::uint64_t{std::random_device{}()};
  }();
  return seed;
}

}  // namespace tandem_test

#endif  // TANDEM_TESTS_SUPPORT_SEED_HPP
