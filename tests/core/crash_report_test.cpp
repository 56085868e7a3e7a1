// SPDX-License-Identifier: BSL-1.0
#include "tandem/core/crash_report.hpp"

#include <csignal>

#include "core/round_trip.hpp"
#include "support/catch.hpp"
#include "tandem/core/codec_string.hpp"
#include "tandem/core/codec_vector.hpp"
#include "tandem/core/failure.hpp"

using tandem::crash_report;

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

TEST_CASE("crash_report: says where it was cut short", "[core][crash_report]") {
  crash_report report;
  report.signal = SIGABRT;
  report.truncated = true;
  CHECK(tandem_test::round_trip(report) == report);
  CHECK(report.to_string() == "SIGABRT in thread 0\n  (the process died before it had told all)\n");
}

TEST_CASE("crash_report: the function is the innermost one that is not the library's own", "[core][crash_report]") {
  auto const function = [](std::vector<std::string> lines) {
    crash_report report;
    report.backtrace = std::move(lines);
    return report.function();
  };
  CHECK(function({}).empty());
  CHECK(function({"0x10", "/bin/p+0x10", "", "(", "+0x1", "x(+0x1)"}).empty());
  CHECK(function({"/bin/p(parse(int)+0x5) [0x1005]", "/bin/p(main+0x5) [0x2005]"}) == "parse(int)");
  CHECK(function({"/lib/libc.so.6(abort+0xd3) [0x26472]", "/bin/p(check(char const*)+0x5) [0x1005]"}) ==
        "check(char const*)");
  CHECK(function({"/lib/libstdc++.so.6(std::terminate()+0x1) [0x2]", "/lib/libc.so.6+0x1", "p(f+0x0)"}) == "f");
  CHECK(function({"/bin/p(operator+(a, b)+0x5) [0x1005]"}) == "operator+(a, b)");
  CHECK(function({"/opt/libcrypto/p(f+0x5) [0x1005]"}) == "f");
  CHECK(function({"/bin/p(void tandem::impl::run_workload<int>()+0x5) [0x1005]", "/bin/p(main+0x5) [0x1]"}).empty());
}

TEST_CASE("crash_report: a failure says where, on its one line", "[core][crash_report][failure]") {
  crash_report report{SIGSEGV, SEGV_MAPERR, 0, {"/bin/p(parse(int)+0x5) [0x1005]"}, 4711, "parser"};
  CHECK(tandem::failure::signaled("parser", SIGSEGV, true, {}, report).to_string() ==
        "'parser' was killed by SIGSEGV (core dumped) at parse(int)");
  report.backtrace = {"0x10"};
  CHECK(tandem::failure::signaled("parser", SIGSEGV, false, {}, report).to_string() ==
        "'parser' was killed by SIGSEGV");
}
