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

/// The soak preset asks for the long loops.
inline bool soaking() {
  auto const* value = std::getenv("TANDEM_TEST_SOAK");
  return value != nullptr && std::string_view{value} != "" && std::string_view{value} != "0";
}

/// `usual` repetitions, or `long_run` under the soak preset.
inline long repetitions(long usual, long long_run) { return soaking() ? long_run : usual; }

}  // namespace tandem_test

#endif  // TANDEM_TESTS_SUPPORT_BUILD_KIND_HPP
