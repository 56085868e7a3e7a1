// SPDX-License-Identifier: BSL-1.0
// How this test binary was built and is run: what makes steps slower, memory maps busier, or loops longer.
#ifndef TANDEM_TESTS_SUPPORT_BUILD_KIND_HPP
#define TANDEM_TESTS_SUPPORT_BUILD_KIND_HPP

#include <cstdlib>      // for getenv
#include <string_view>  // for string_view

namespace tandem_test {

#if defined(__has_feature)
#define TANDEM_TEST_HAS_FEATURE(x) __has_feature(x)
#else
#define TANDEM_TEST_HAS_FEATURE(x) 0
#endif

#if defined(__SANITIZE_ADDRESS__) || TANDEM_TEST_HAS_FEATURE(address_sanitizer)
inline constexpr bool address_sanitized = true;
#else
inline constexpr bool address_sanitized = false;
#endif
#if defined(__SANITIZE_THREAD__) || TANDEM_TEST_HAS_FEATURE(thread_sanitizer)
inline constexpr bool thread_sanitized = true;
#else
inline constexpr bool thread_sanitized = false;
#endif
#undef TANDEM_TEST_HAS_FEATURE

/// A sanitizer that keeps memory and threads of its own is linked in.
inline constexpr bool sanitized = address_sanitized || thread_sanitized;

/// Whether the variable is set, and not to 0.
inline bool environment_says(char const* name) {
  auto const* value = std::getenv(name);
  return value != nullptr && std::string_view{value} != "" && std::string_view{value} != "0";
}

/// The soak preset asks for the long loops.
inline bool soaking() { return environment_says("TANDEM_TEST_SOAK"); }

/// A further run of tests that have run in full already: as another user, or as if on an older kernel. Long loops are
/// cut to a sixteenth.
inline bool brief() { return environment_says("TANDEM_TEST_BRIEF"); }

/// `usual` repetitions, a sixteenth of them in a brief run, or `long_run` under the soak preset.
inline long repetitions(long usual, long long_run) {
  return soaking() ? long_run : brief() ? (usual + 15) / 16 : usual;
}

}  // namespace tandem_test

#endif  // TANDEM_TESTS_SUPPORT_BUILD_KIND_HPP
