// SPDX-License-Identifier: BSL-1.0
// Reports of crashes: what processes write when they crash, and what their starters make of it.
#include "tandem/core/crash_report.hpp"

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
#include <exception>
#include <fstream>
#include <iterator>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "execution/starts.hpp"
#include "support/build_kind.hpp"
#include "support/catch.hpp"
#include "support/place.hpp"
#include "support/seed.hpp"
#include "support/temp_dir.hpp"
#include "tandem/core.hpp"
#include "tandem/execution/impl/crash_reader.hpp"
#include "tandem/execution/impl/crash_stack.hpp"
#include "tandem/execution/process.hpp"
#include "tandem/execution/thread.hpp"
#include "tandem/memory/impl/members.hpp"
#include "tandem/os/fault.hpp"
#include "tandem/os/signal_stack.hpp"
#include "tandem/os/stack.hpp"
#include "tandem/resource/pipe.hpp"

using namespace tandem_test;
using tandem::ending;
using tandem::impl::crash_record, tandem::impl::member_slot;

namespace {

[[gnu::noinline, gnu::no_sanitize_address]] void write_to(int volatile* where) {
  *where = 1;
  asm("");
}

[[gnu::noinline]] int overflow(int depth) {
  int volatile room[256];
  room[depth % 256] = depth;
  if (depth < 0) return 0;
  return overflow(depth + 1) + room[depth % 256];
}

[[gnu::noinline]] void divide(int by) {
  asm("" : "+r"(by));
  int volatile result = 1000 / by;
  static_cast<void>(result);
}

[[gnu::noinline]] void give_up() {
  std::abort();
  asm("");
}

void spin(long turns) {
  for (; turns > 0; --turns) asm volatile("");
}

void no_core() {
  rlimit const none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
}
void quiet() {
  no_core();
  static_cast<void>(!std::freopen("/dev/null", "w", stderr));
}

/// A process that runs `body` and reports; how it failed.
template <class F> tandem::failure crash(F body, bool report = true, tandem::start start = tandem::start::fork) {
  tandem::process worker{{.name = "doomed", .start = start, .report_crash = report}, [body] {
                           quiet();
                           body();
                         }};
  auto result = worker.join();
  REQUIRE_FALSE(result.has_value());
  return result.error();
}

/// What the backtrace says, but for the frames of the system's libraries.
std::string text_of(tandem::failure const& failed) {
  INFO(failed.to_string());
  REQUIRE(failed.crash());
  return failed.crash()->to_string();
}

/// AddressSanitizer has handlers of its own, which ours would hand the signal to, and they decide how the process ends.
/// While this lives there are none of them, here and in all that is forked.
class plain_signals {
 public:
  plain_signals() {
    for (std::size_t i = 0; i < std::size(before_); ++i) {
      struct sigaction plain {};
      plain.sa_handler = SIG_DFL;
      ::sigaction(tandem::os::fault_signals[i], &plain, &before_[i]);
    }
  }
  plain_signals(plain_signals const&) = delete;
  ~plain_signals() {
    for (std::size_t i = 0; i < std::size(before_); ++i)
      ::sigaction(tandem::os::fault_signals[i], &before_[i], nullptr);
  }

 private:
  struct sigaction before_[std::size(tandem::os::fault_signals)]{};
};

// ThreadSanitizer keeps the signals to itself, and hands them on when it likes.
#define TANDEM_TEST_NEEDS_SIGNALS()                                   \
  if (thread_sanitized) {                                             \
    WARN("SKIP(crash signals): ThreadSanitizer handles them itself"); \
    return;                                                           \
  }                                                                   \
  plain_signals const no_sanitizers_handlers

// A program that was run afresh has the sanitizer's handlers again.
#define TANDEM_TEST_EACH_PLAIN_START(name) \
  TANDEM_TEST_NEEDS_SIGNALS();             \
  TANDEM_TEST_EACH_START(name);            \
  if (address_sanitized && name##_by == by::exec) return

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
    for (std::size_t const size : {0, 900, 1000, 1016, 1100, 3000, 5000, 100000}) {
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

TEST_CASE("crash_report: a page full of anything harms nobody", "[execution][crash_report][hostile]") {
  INFO("TANDEM_TEST_SEED=" << test_seed());
  std::mt19937_64 random(test_seed());
  auto const scribble = [&random](std::byte* at, std::size_t bytes) {
    for (std::size_t i = 0; i < bytes; ++i) at[i] = static_cast<std::byte>(random());
  };
  SECTION("read at once") {
    auto const slot = std::make_unique<member_slot>();
    long const rounds = repetitions(3000, 200000);
    long readable = 0;
    for (long i = 0; i < rounds; ++i) {
      scribble(slot->small_outcome, sizeof slot->small_outcome);
      slot->crash.store(static_cast<std::uint32_t>(random() % 4), std::memory_order_relaxed);
      auto& record = *reinterpret_cast<crash_record*>(crash_record::place(*slot));
      if (random() % 8 != 0) record.signal = SIGSEGV;
      if (random() % 2 != 0) record.frames_known = static_cast<std::uint32_t>(random() % 48);
      if (random() % 2 != 0) record.stack_end = reinterpret_cast<std::uintptr_t>(__libc_stack_end);
      for (auto& frame : record.frames) {  // some that lead somewhere
        if (random() % 2 != 0) frame.module = static_cast<std::uint16_t>(random() % 16);
        if (random() % 2 != 0) frame.name = static_cast<std::uint16_t>(random() % 2000);
        if (random() % 4 == 0) frame.address = reinterpret_cast<std::uintptr_t>(&write_to) + random() % 4096;
      }
      if (random() % 2 != 0) {
        for (auto& module : record.modules) module.path = static_cast<std::uint16_t>(1 + random() % 1800);
        for (auto& letter : record.text) letter = "/._ZSt1\0x"[random() % 9];
      }
      auto const report = tandem::impl::read_crash_report(*slot);
      if (report) {
        ++readable;
        REQUIRE(report->backtrace.size() <= crash_record::most_frames);
        for (auto const& line : report->backtrace) REQUIRE(line.find('\n') == std::string::npos);
      }
    }
    CHECK(readable > rounds / 8);
  }
  SECTION("a pipe, a folder and a device as modules are not opened") {
    temp_dir const dir;
    REQUIRE(::mkfifo((dir / "pipe").c_str(), 0600) == 0);
    for (auto const& path : {(dir / "pipe").string(), dir.path().string(), std::string("/dev/zero")}) {
      auto const slot = std::make_unique<member_slot>();
      auto& record = *reinterpret_cast<crash_record*>(crash_record::place(*slot));
      record.signal = SIGBUS;
      record.frames_known = 1;
      record.frames[0] = {0x1010, 0, 1, 0, 0};
      record.modules[0] = {0x1000, 1, {}};
      std::strcpy(record.text, path.c_str());
      slot->crash.store(crash_record::complete, std::memory_order_relaxed);
      auto const report = tandem::impl::read_crash_report(*slot);
      REQUIRE(report);
      CHECK(report->backtrace == std::vector<std::string>{path + "+0x10"});
    }
  }
  SECTION("by the process itself") {
    long const rounds = repetitions(60, 3000);
    for (long i = 0; i < rounds; ++i) {
      auto const seed = random();
      tandem::process worker{{.report_crash = true}, [seed] {
                               no_core();
                               std::mt19937_64 own(seed);
                               auto& slot = tandem::impl::members::at(tandem::impl::members::self());
                               for (auto& byte : slot.small_outcome) byte = static_cast<std::byte>(own());
                               slot.crash.store(static_cast<std::uint32_t>(own() % 5));
                               ::signal(SIGSEGV, SIG_DFL);
                               ::kill(::getpid(), SIGSEGV);
                             }};
      auto const result = worker.join();
      REQUIRE_FALSE(result.has_value());
      REQUIRE(result.error().how() == ending::signaled);
    }
  }
}

TEST_CASE("crash_report: names that would grow without end stay as they are", "[execution][crash_report][hostile]") {
  std::string bomb = "_Z1fSt4pairIS_S_E";
  for (int i = 0; i < 60; ++i) bomb += "S" + std::to_string(i % 10) + "_S_";
  CHECK(tandem::impl::function_text(bomb) == bomb);
  CHECK(tandem::impl::function_text("_Z1fi") == "f(int)");
  CHECK(tandem::impl::function_text("main") == "main");
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
  long reported = 0;
  auto& ready = place<std::atomic<int>>(0);
  for (long i = 0; i < rounds; ++i) {
    ready.store(0);
    tandem::process worker{{.report_crash = true}, [&ready] {
                             quiet();
                             ready.store(1);
                             write_to(reinterpret_cast<int*>(40));
                           }};
    while (ready.load() == 0) std::this_thread::yield();
    spin(static_cast<long>(random() % 400'000));
    worker.kill(SIGKILL);
    auto const result = worker.join();
    REQUIRE_FALSE(result.has_value());
    REQUIRE((result.error().signal() == SIGKILL || result.error().signal() == SIGSEGV));
    REQUIRE(result.error().crash().has_value() == (result.error().signal() == SIGSEGV));
    if (auto const& report = result.error().crash()) {
      ++reported;
      REQUIRE(report->fault_address == 40);
      REQUIRE_THAT(report->backtrace.at(0), ContainsSubstring("write_to"));
    }
  }
  INFO(reported << " of " << rounds << " came to report");
  CHECK(reported <= rounds);
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
