// SPDX-License-Identifier: BSL-1.0
// Writing a report of a crash: beside what else handles signals, in a state where little works, and killed meanwhile.
#include "tandem/execution/impl/crash_reporter.hpp"

#include <dlfcn.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <thread>
#include <utility>

#include "execution/crashes.hpp"
#include "support/build_kind.hpp"
#include "support/catch.hpp"
#include "support/place.hpp"
#include "support/seed.hpp"
#include "support/temp_dir.hpp"
#include "tandem/core.hpp"
#include "tandem/execution/impl/crash_stack.hpp"
#include "tandem/execution/process.hpp"
#include "tandem/execution/thread.hpp"
#include "tandem/memory/impl/members.hpp"
#include "tandem/os/fault.hpp"
#include "tandem/os/signal_stack.hpp"
#include "tandem/resource/pipe.hpp"

using namespace tandem_test;
using tandem::ending;

TEST_CASE("crash_report: a process that makes none has no handlers and no signal stacks for it",
          "[execution][crash_report]") {
  TANDEM_TEST_NEEDS_SIGNALS();
  for (bool const report : {false, true}) {
    tandem::process worker{{.report_crash = report}, [] {
                             bool handled = false;
                             for (int const signal : tandem::os::fault_signals) {
                               struct sigaction now {};
                               ::sigaction(signal, nullptr, &now);
                               handled = handled || now.sa_handler != SIG_DFL;
                             }
                             return handled || tandem::impl::crash_stack::wanted.load();
                           }};
    CHECK(worker.join().value() == report);
  }
}

TEST_CASE("crash_report: a thread's signal stack goes with the thread", "[execution][crash_report]") {
  TANDEM_TEST_NEEDS_SIGNALS();
  tandem::process worker{{.report_crash = true}, [] {
                           auto const mappings = [] {
                             std::ifstream maps("/proc/self/maps");
                             std::string line;
                             long count = 0;
                             while (std::getline(maps, line)) ++count;
                             return count;
                           };
                           auto const size = [] {
                             tandem::thread thread{[] { return tandem::os::signal_stack(); }};
                             return thread.join().value();
                           };
                           auto const first = size();
                           long const before = mappings();
                           for (int i = 0; i < 50; ++i) size();
                           return std::pair(first, mappings() - before);
                         }};
  auto const [bytes, more] = worker.join().value();
  CHECK(bytes >= 2048);
  CHECK(more < 25);
}

TEST_CASE("crash_report: a child that did not ask for one has none, though its starter did",
          "[execution][crash_report]") {
  TANDEM_TEST_NEEDS_SIGNALS();
  bool const report = GENERATE(false, true);
  tandem::process starter{{.report_crash = true}, [report] {
                            tandem::process nested{{.report_crash = report}, [] {
                                                     quiet();
                                                     write_to(nullptr);
                                                   }};
                            auto const result = nested.join();
                            return result.error().signal() == SIGSEGV && result.error().crash().has_value() == report;
                          }};
  auto const result = starter.join();
  REQUIRE(result.has_value());
  CHECK(*result);
}

TEST_CASE("crash_report: is made while another thread is held in the loader", "[execution][crash_report]") {
  TANDEM_TEST_NEEDS_SIGNALS();
  TANDEM_TEST_EACH_START(start);
  if (address_sanitized || (start_by != by::fork && start_by != by::exec)) return;  // two seconds each
  auto const failed = crash(
      [] {
        static std::atomic<int> held{0};
        ::setenv("TANDEM_TEST_HOLD_LOADER", std::to_string(reinterpret_cast<std::uintptr_t>(&held)).c_str(), 1);
        std::thread([] { ::dlopen(TANDEM_TEST_CRASHING_MODULE, RTLD_NOW); }).detach();
        while (held.load() == 0) std::this_thread::yield();
        write_to(reinterpret_cast<int*>(24));
      },
      true, start);
  CHECK(failed.signal() == SIGSEGV);  // that of the crash, not of what ended the report
  CHECK_THAT(text_of(failed), ContainsSubstring("write_to(int volatile*)"));
  CHECK(failed.crash()->fault_address == 24);
  CHECK(failed.crash()->truncated);
}

TEST_CASE("crash_report: is made with a corrupted heap, a corrupted stack, and after a jump to nowhere",
          "[execution][crash_report]") {
  TANDEM_TEST_NEEDS_SIGNALS();
  SECTION("heap") {
    if (address_sanitized) return;  // it sees the write itself, and exits
    auto const failed = crash([] {
      for (int i = 0; i < 64; ++i) {
        auto* volatile block = static_cast<char*>(std::malloc(24 + static_cast<std::size_t>(i) * 16));
        std::memset(block - 16, 0x41, 64);
        std::free(block);
      }
    });
    CHECK((failed.signal() == SIGABRT || failed.signal() == SIGSEGV));
    static_cast<void>(text_of(failed));
    CHECK(failed.crash()->signal == failed.signal());
  }
  SECTION("stack") {
    if (address_sanitized) return;
    auto const failed = crash([] {
      auto* const frame = static_cast<char*>(__builtin_frame_address(0));
      for (int i = 0; i < 2000; ++i) const_cast<char volatile*>(frame)[i] = 0x41;
    });
    CHECK((failed.signal() == SIGSEGV || failed.signal() == SIGABRT));
    static_cast<void>(text_of(failed));
  }
  SECTION("nowhere") {
    std::uintptr_t const address = GENERATE(std::uintptr_t{0}, std::uintptr_t{0x1234});
    auto const failed = crash([address] {
      auto* volatile function = reinterpret_cast<void (*)()>(address);
      function();
      asm("");
    });
    CHECK(failed.signal() == SIGSEGV);
    static_cast<void>(text_of(failed));
    REQUIRE(failed.crash()->backtrace.size() > 1);
    CHECK_THAT(failed.crash()->backtrace[1], ContainsSubstring("execution_test"));  // who jumped
  }
}

TEST_CASE("crash_report: what handled the signal before goes on to do so", "[execution][crash_report]") {
  TANDEM_TEST_NEEDS_SIGNALS();
  struct seen {
    std::atomic<int> signal{0}, code{0};
    std::atomic<std::uintptr_t> address{0};
  };
  static seen* told;
  told = &place<seen>();
  struct sigaction before {};
  struct sigaction hosts {};
  hosts.sa_flags = SA_SIGINFO;
  bool const exits = GENERATE(true, false);
  static bool leaves;
  leaves = exits;
  hosts.sa_sigaction = [](int signal, siginfo_t* info, void*) {
    told->signal = signal;
    told->code = info->si_code;
    told->address = reinterpret_cast<std::uintptr_t>(info->si_addr);
    if (leaves) ::_exit(42);
    ::signal(signal, SIG_DFL);
  };
  REQUIRE(::sigaction(SIGSEGV, &hosts, &before) == 0);
  auto const failed = crash([] { write_to(reinterpret_cast<int*>(32)); });
  REQUIRE(::sigaction(SIGSEGV, &before, nullptr) == 0);
  CHECK(told->signal == SIGSEGV);
  CHECK(told->code == SEGV_MAPERR);
  CHECK(told->address == 32);
  if (exits) {
    CHECK(failed.how() == ending::exited);
    CHECK(failed.exit_code() == 42);
    CHECK_FALSE(failed.crash());
  } else {
    CHECK(failed.signal() == SIGSEGV);
    CHECK_THAT(text_of(failed), ContainsSubstring("write_to"));
  }
}

TEST_CASE("crash_report: a handler of the host's that repairs the fault lets the process go on",
          "[execution][crash_report]") {
  TANDEM_TEST_NEEDS_SIGNALS();
  static void* page;
  page = ::mmap(nullptr, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  struct sigaction before {};
  struct sigaction hosts {};
  hosts.sa_handler = [](int) { ::mprotect(page, 4096, PROT_READ | PROT_WRITE); };
  REQUIRE(::sigaction(SIGSEGV, &hosts, &before) == 0);
  tandem::process worker{{.report_crash = true}, [] {
                           write_to(static_cast<int*>(page));
                           return *static_cast<int*>(page);
                         }};
  CHECK(worker.join().value() == 1);
  REQUIRE(::sigaction(SIGSEGV, &before, nullptr) == 0);
  ::munmap(page, 4096);
}

TEST_CASE("crash_report: a process that the unit has forked itself leaves the unit's page alone",
          "[execution][crash_report]") {
  TANDEM_TEST_NEEDS_SIGNALS();
  tandem::process worker{{.report_crash = true}, [] {
                           quiet();
                           pid_t const child = ::fork();
                           if (child == 0) write_to(nullptr);
                           int status = 0;
                           ::waitpid(child, &status, 0);
                           auto const& slot = tandem::impl::members::at(tandem::impl::members::self());
                           return WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV && slot.crash.load() == 0;
                         }};
  CHECK(worker.join().value());
}

TEST_CASE("crash_report: an outcome and a report do not take each other's place", "[execution][crash_report]") {
  TANDEM_TEST_NEEDS_SIGNALS();
  SECTION("results of all sizes come home where reports are asked for") {
    for (std::size_t const size : std::initializer_list<std::size_t>{0, 900, 1000, 1016, 1100, 3000, 5000, 100000}) {
      tandem::process worker{{.report_crash = true}, [size] { return std::string(size, 'x'); }};
      CHECK(worker.join().value() == std::string(size, 'x'));
    }
  }
  SECTION("a crash beside the end is the one or the other") {
    long const rounds = repetitions(40, 2000);
    for (long i = 0; i < rounds; ++i) {
      tandem::process worker{{.report_crash = true}, [i] {
                               quiet();
                               std::thread([i] {
                                 spin(i * 200);
                                 write_to(nullptr);
                               }).detach();
                               return std::string(500, 'y');
                             }};
      auto const result = worker.join();
      if (result) {
        REQUIRE(*result == std::string(500, 'y'));
      } else {
        REQUIRE(result.error().signal() == SIGSEGV);
        if (auto const& report = result.error().crash()) REQUIRE(report->signal == SIGSEGV);
      }
    }
  }
}

TEST_CASE("crash_report: leaves the core flag as it is", "[execution][crash_report]") {
  TANDEM_TEST_NEEDS_SIGNALS();
  temp_dir const dir;
  std::string const where = dir.path().string();
  auto const dumps = [&where](bool report) {
    tandem::process worker{{.report_crash = report}, [where] {
                             rlimit limit{};
                             ::getrlimit(RLIMIT_CORE, &limit);
                             limit.rlim_cur = limit.rlim_max;
                             ::setrlimit(RLIMIT_CORE, &limit);
                             static_cast<void>(!::chdir(where.c_str()));
                             write_to(nullptr);
                           }};
    auto const result = worker.join();
    CHECK(result.error().signal() == SIGSEGV);
    CHECK(result.error().crash().has_value() == report);
    return result.error().core_dumped();
  };
  CHECK(dumps(true) == dumps(false));
  CHECK_FALSE(crash([] { write_to(nullptr); }).core_dumped());
}

TEST_CASE("crash_report: killed at any moment of it, a process is reaped, and its report none or its own",
          "[execution][crash_report]") {
  TANDEM_TEST_NEEDS_SIGNALS();
  INFO("TANDEM_TEST_SEED=" << test_seed());
  std::mt19937_64 random(test_seed());
  long const rounds = repetitions(150, 5000);
  long reported = 0, tried = 0, turns = 100'000;  // about as many as it takes to report
  auto& ready = place<std::atomic<int>>(0);
  auto const both = [&] { return reported > 0 && reported < tried; };
  for (; tried < rounds || (!both() && tried < 20 * rounds); ++tried) {
    ready.store(0);
    tandem::process worker{{.report_crash = true}, [&ready] {
                             quiet();
                             ready.store(1);
                             write_to(reinterpret_cast<int*>(40));
                           }};
    while (ready.load() == 0) std::this_thread::yield();
    spin(static_cast<long>(random() % static_cast<unsigned long>(2 * turns)));
    worker.kill(SIGKILL);
    auto const result = worker.join();
    REQUIRE_FALSE(result.has_value());
    REQUIRE((result.error().signal() == SIGKILL || result.error().signal() == SIGSEGV));
    REQUIRE(result.error().crash().has_value() == (result.error().signal() == SIGSEGV));
    turns += (result.error().crash() ? -turns : turns) / 8;
    if (auto const& report = result.error().crash()) {
      ++reported;
      REQUIRE(report->fault_address == 40);
      REQUIRE_THAT(report->backtrace.at(0), ContainsSubstring("write_to"));
    }
  }
  INFO(reported << " of " << tried << " came to report");
  CHECK(both());
}

TEST_CASE("crash_report: AddressSanitizer says what it has to say as well", "[execution][crash_report]") {
  if (!address_sanitized) {
    WARN("SKIP(AddressSanitizer): this build is without it");
    return;
  }
  tandem::pipe words;
  tandem::process worker{{.report_crash = true}, [out = words.write_end.get()] {
                           ::dup2(out, STDERR_FILENO);
                           write_to(reinterpret_cast<int*>(16));
                         }};
  words.write_end.reset();
  std::string text;
  char part[4096];
  for (ssize_t n; (n = ::read(words.read_end.get(), part, sizeof part)) > 0;)
    text.append(part, static_cast<std::size_t>(n));
  CHECK_FALSE(worker.join().has_value());
  CHECK_THAT(text, ContainsSubstring("AddressSanitizer: SEGV on unknown address 0x000000000010"));
  CHECK_THAT(text, ContainsSubstring("write_to"));
}
