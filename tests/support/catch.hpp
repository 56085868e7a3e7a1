// SPDX-License-Identifier: BSL-1.0
// The one place that knows which Catch2 is installed: 2.13 (one header) or 3 (a library). Test bodies use what both
// offer: TEST_CASE, TEMPLATE_TEST_CASE, SECTION, GENERATE, CHECK..., REQUIRE..., INFO, CAPTURE, and the names below.
#ifndef TANDEM_TESTS_SUPPORT_CATCH_HPP
#define TANDEM_TESTS_SUPPORT_CATCH_HPP

#include <string>  // for string

#if __has_include(<catch2/catch_test_macros.hpp>)
#define TANDEM_TEST_CATCH 3
#include <catch2/catch_approx.hpp>
#include <catch2/catch_message.hpp>
#include <catch2/catch_session.hpp>
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_case_info.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators_all.hpp>
#include <catch2/matchers/catch_matchers_all.hpp>
#include <catch2/reporters/catch_reporter_event_listener.hpp>
#include <catch2/reporters/catch_reporter_registrars.hpp>
#else
#define TANDEM_TEST_CATCH 2
#include <catch2/catch.hpp>
#endif

namespace tandem_test {

// Matchers by one name in both versions; version 3 moved or renamed them.
#if TANDEM_TEST_CATCH == 3
using Catch::Approx, Catch::Matchers::ContainsSubstring, Catch::Matchers::EndsWith, Catch::Matchers::Equals,
    Catch::Matchers::Message, Catch::Matchers::Predicate, Catch::Matchers::StartsWith;
using catch_listener_base = Catch::EventListenerBase;
using catch_assertion_ended = void;
#else
using Catch::Detail::Approx, Catch::Message, Catch::Matchers::EndsWith, Catch::Matchers::Equals,
    Catch::Matchers::Predicate, Catch::Matchers::StartsWith;
inline auto ContainsSubstring(std::string const& text) { return Catch::Matchers::Contains(text); }
#ifdef CATCH_CONFIG_RUNNER  // version 2 shows its listeners to the file with the main function alone
using catch_listener_base = Catch::TestEventListenerBase;
using catch_assertion_ended = bool;
#endif
#endif

}  // namespace tandem_test

#endif  // TANDEM_TESTS_SUPPORT_CATCH_HPP
