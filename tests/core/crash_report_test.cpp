// SPDX-License-Identifier: BSL-1.0
#include "tandem/core/crash_report.hpp"

#include <csignal>

#include "core/round_trip.hpp"
#include "support/catch.hpp"
#include "tandem/core/codec_string.hpp"
#include "tandem/core/codec_vector.hpp"

TEST_CASE("crash_report: travels, and is equal to itself", "[core][crash_report]") {
  tandem::crash_report const report{SIGSEGV, SEGV_MAPERR, 0x10, {"program: main+0x5", "libc.so.6: +0x271c9"}};
  CHECK(tandem_test::round_trip(report) == report);
  CHECK(report != tandem::crash_report{});
}
