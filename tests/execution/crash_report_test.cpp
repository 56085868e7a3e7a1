// SPDX-License-Identifier: BSL-1.0
// What a report of a crash says.
#include "tandem/core/crash_report.hpp"

#include <dlfcn.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <string>
#include <thread>

#include "execution/crashes.hpp"
#include "support/build_kind.hpp"
#include "support/catch.hpp"
#include "tandem/execution/thread.hpp"
#include "tandem/memory/impl/members.hpp"

using namespace tandem_test;
using tandem::impl::crash_record;

namespace {

[[gnu::noinline]] void give_up() {
  std::abort();
  asm("");
}

}  // namespace

TEST_CASE("crash_report: says where a null pointer was written to, by every start", "[execution][crash_report]") {
  TANDEM_TEST_EACH_PLAIN_START(start);
  auto const failed = crash([] { write_to(reinterpret_cast<int*>(16)); }, true, start);
  CHECK(failed.signal() == SIGSEGV);
  auto const text = text_of(failed);
  CHECK(failed.crash()->signal == SIGSEGV);
  CHECK(failed.crash()->code == SEGV_MAPERR);
  CHECK(failed.crash()->fault_address == 16);
  CHECK(failed.crash()->thread > 0);
  CHECK(failed.crash()->thread_name == "doomed");
  REQUIRE(failed.crash()->backtrace.size() > 1);
  CHECK_THAT(failed.crash()->backtrace[0], ContainsSubstring("write_to(int volatile*)+0x"));
  CHECK_THAT(failed.crash()->backtrace[0], ContainsSubstring("execution_test"));
  CHECK_THAT(text, StartsWith("SIGSEGV at address 0x10 in thread "));
  CHECK(failed.to_string().find('\n') == std::string::npos);
}

TEST_CASE("crash_report: is there for each signal of a crash", "[execution][crash_report]") {
  TANDEM_TEST_EACH_PLAIN_START(start);
  SECTION("sent") {
    for (int const signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS}) {
      auto const failed = crash([signal] { ::raise(signal); }, true, start);
      CHECK(failed.signal() == signal);
      static_cast<void>(text_of(failed));
      CHECK(failed.crash()->signal == signal);
      CHECK(failed.crash()->fault_address == 0);
      CHECK_FALSE(failed.crash()->truncated);
    }
  }
  SECTION("a division") {
    auto const failed = crash([] { divide(0); }, true, start);
    CHECK(failed.signal() == SIGFPE);
    CHECK_THAT(text_of(failed), ContainsSubstring("divide(int"));
    CHECK(failed.crash()->code == FPE_INTDIV);
  }
  SECTION("a trap") {
    auto const failed = crash([] { __builtin_trap(); }, true, start);
    CHECK((failed.signal() == SIGILL || failed.signal() == SIGTRAP));
    static_cast<void>(text_of(failed));
  }
  SECTION("abort") {
    auto const failed = crash([] { give_up(); }, true, start);
    CHECK(failed.signal() == SIGABRT);
    CHECK_THAT(text_of(failed), ContainsSubstring("give_up()"));
    CHECK_THAT(failed.to_string(), ContainsSubstring("was killed by SIGABRT at (anonymous namespace)::give_up()"));
  }
  SECTION("std::terminate") {
    auto const failed = crash([] { std::terminate(); }, true, start);
    CHECK(failed.signal() == SIGABRT);
    CHECK_THAT(text_of(failed), ContainsSubstring("terminate"));
  }
  SECTION("a mapped file that was cut") {
    auto const failed = crash(
        [] {
          int const file = ::memfd_create("cut", MFD_CLOEXEC);
          static_cast<void>(!::ftruncate(file, 4096));
          auto* const at = static_cast<int*>(::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0));
          static_cast<void>(!::ftruncate(file, 0));
          write_to(at + 1);
        },
        true, start);
    CHECK(failed.signal() == SIGBUS);
    CHECK_THAT(text_of(failed), ContainsSubstring("write_to(int volatile*)"));
    CHECK(failed.crash()->code == BUS_ADRERR);
    CHECK(failed.crash()->fault_address % 4096 == 4);
  }
}

TEST_CASE("crash_report: is there for no other signal, and no other end", "[execution][crash_report]") {
  TANDEM_TEST_NEEDS_SIGNALS();
  for (int const signal : {SIGTERM, SIGKILL, SIGUSR1}) {
    auto const failed = crash([signal] {
      ::signal(signal, SIG_DFL);
      ::raise(signal);
    });
    CHECK(failed.signal() == signal);
    CHECK_FALSE(failed.crash());
  }
  CHECK_FALSE(crash([] { ::_exit(3); }).crash());
  CHECK_FALSE(crash([] { throw 1; }).crash());
}

TEST_CASE("crash_report: a signal that is ignored is none, and the crash after it is", "[execution][crash_report]") {
  TANDEM_TEST_NEEDS_SIGNALS();
  ::signal(SIGTRAP, SIG_IGN);
  auto const failed = crash([] {
    ::raise(SIGTRAP);
    write_to(reinterpret_cast<int*>(16));
  });
  CHECK(failed.signal() == SIGSEGV);
  static_cast<void>(text_of(failed));
  CHECK(failed.crash()->signal == SIGSEGV);
}

TEST_CASE("crash_report: is only made where it was asked for", "[execution][crash_report]") {
  TANDEM_TEST_NEEDS_SIGNALS();
  auto const failed = crash([] { write_to(nullptr); }, false);
  CHECK(failed.signal() == SIGSEGV);
  CHECK_FALSE(failed.crash());
  auto const page_says_so = crash(
      [] {
        auto& slot = tandem::impl::members::at(tandem::impl::members::self());
        reinterpret_cast<crash_record*>(crash_record::place(slot))->signal = SIGSEGV;
        slot.crash.store(crash_record::complete);
        write_to(nullptr);
      },
      false);
  CHECK_FALSE(page_says_so.crash());
}

TEST_CASE("crash_report: tells of a stack that is at its end", "[execution][crash_report]") {
  TANDEM_TEST_EACH_PLAIN_START(start);
  SECTION("of the main thread") {
    auto const failed = crash([] { overflow(0); }, true, start);
    CHECK(failed.signal() == SIGSEGV);
    CHECK_THAT(text_of(failed), ContainsSubstring("overflow(int)"));
  }
  SECTION("of a thread") {
    auto const failed = crash([] { tandem::thread{{.name = "deep"}, [] { overflow(0); }}.join(); }, true, start);
    CHECK(failed.signal() == SIGSEGV);
    CHECK_THAT(text_of(failed), ContainsSubstring("overflow(int)"));
    CHECK(failed.crash()->thread_name == "deep");
  }
  SECTION("of a foreign thread: the signal is all") {
    if (address_sanitized) return;  // which gives every thread a signal stack
    auto const failed = crash([] { std::thread([] { overflow(0); }).join(); }, true, start);
    CHECK(failed.signal() == SIGSEGV);
    CHECK_FALSE(failed.crash());
  }
}

TEST_CASE("crash_report: of threads that crash at once, the first one's", "[execution][crash_report]") {
  TANDEM_TEST_EACH_PLAIN_START(start);
  long const rounds = repetitions(8, 500);
  for (long i = 0; i < rounds; ++i) {
    auto const failed = crash(
        [] {
          std::atomic<int> ready{0};
          auto const meet = [&ready] {
            ++ready;
            while (ready.load() < 3) {}
          };
          std::thread one([&] { meet(), write_to(reinterpret_cast<int*>(8)); });
          std::thread two([&] { meet(), divide(0); });
          meet();
          give_up();
        },
        true, start);
    static_cast<void>(text_of(failed));
    auto const& report = *failed.crash();
    REQUIRE(failed.signal() == report.signal);
    auto const all = report.to_string();
    REQUIRE_THAT(all, ContainsSubstring(report.signal == SIGSEGV  ? "write_to"
                                        : report.signal == SIGFPE ? "divide"
                                                                  : "give_up"));
  }
}

TEST_CASE("crash_report: knows a module that was loaded after the start, and its hidden functions",
          "[execution][crash_report]") {
  TANDEM_TEST_EACH_PLAIN_START(start);
  auto const failed = crash(
      [] {
        void* const module = ::dlopen(TANDEM_TEST_CRASHING_MODULE, RTLD_NOW);
        auto* const function = reinterpret_cast<void (*)(int volatile*)>(::dlsym(module, "crash_in_module"));
        function(nullptr);
      },
      true, start);
  CHECK(failed.signal() == SIGSEGV);
  static_cast<void>(text_of(failed));
  REQUIRE(failed.crash()->backtrace.size() > 2);
  CHECK_THAT(failed.crash()->backtrace[0], StartsWith(TANDEM_TEST_CRASHING_MODULE));
  CHECK_THAT(failed.crash()->backtrace[0], ContainsSubstring("hidden_crash(int volatile*)+0x"));
  CHECK_THAT(failed.crash()->backtrace[1], ContainsSubstring("crash_in_module+0x"));
}
