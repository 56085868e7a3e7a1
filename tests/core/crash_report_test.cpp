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
  auto thread = report;
  thread.thread = 7;
  thread.thread_name = "worker";
  CHECK(tandem_test::round_trip(thread) == thread);
  CHECK(thread != report);
}

TEST_CASE("crash_report: to_string is for people, a line for each frame", "[core][crash_report]") {
  tandem::crash_report report{SIGSEGV, SEGV_MAPERR, 0x1f0, {"program(main+0x5) [0x1005]", "libc.so.6+0x271c9"},
                              42,      "worker"};
  CHECK(report.to_string() ==
        "SIGSEGV at address 0x1f0 in thread 42 (worker)\n  #0 program(main+0x5) [0x1005]\n  #1 libc.so.6+0x271c9\n");
  CHECK(tandem::crash_report{SIGABRT, SI_TKILL, 0, {}, 42, ""}.to_string() == "SIGABRT in thread 42\n");
  CHECK(tandem::crash_report{SIGSEGV, SEGV_MAPERR, 0, {}, 1, ""}.to_string() == "SIGSEGV at address 0x0 in thread 1\n");
}
