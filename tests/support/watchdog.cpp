// SPDX-License-Identifier: BSL-1.0
#include "support/watchdog.hpp"

#include <fcntl.h>        // for O_CLOEXEC
#include <poll.h>         // for poll
#include <sys/mman.h>     // for mmap
#include <sys/prctl.h>    // for prctl
#include <sys/syscall.h>  // for SYS_pidfd_open
#include <sys/wait.h>     // for waitpid
#include <unistd.h>       // for fork

#include <algorithm>  // for min
#include <atomic>     // for atomic
#include <csignal>    // for signal
#include <cstdio>     // for fprintf
#include <cstdlib>    // for getenv
#include <cstring>    // for memcpy
#include <string>     // for string

#include "support/build_kind.hpp"
#include "support/process_tree.hpp"

namespace tandem_test {
namespace {

using std::chrono::nanoseconds, std::chrono::steady_clock;

struct notice_board {
  std::atomic<std::int64_t> deadline{0};  // nanoseconds of steady_clock; 0: no test runs
  char test[512] = {};                    // written before the deadline's release store, read after its acquire load
};

notice_board* board = nullptr;
pid_t supervised = 0;  // the child that runs the tests, as itself knows

std::int64_t now() { return nanoseconds(steady_clock::now().time_since_epoch()).count(); }

bool wanted() {
  auto const* choice = std::getenv("TANDEM_TEST_WATCHDOG");
  if (choice != nullptr && std::string_view{choice} == "0") return false;
  return text_of("/proc/self/status").find("TracerPid:\t0\n") != std::string::npos;
}

// Runs gdb on `process` with its output on our stderr; false where there is none, or it found no stack.
bool gdb_shows_stacks(pid_t process) {
  auto const id = std::to_string(process);
  pid_t const debugger = ::fork();
  if (debugger < 0) return false;
  if (debugger == 0) {
    ::dup2(STDERR_FILENO, STDOUT_FILENO);
    int const null = ::open("/dev/null", O_RDWR);
    ::dup2(null, STDIN_FILENO);
    ::dup2(null, STDERR_FILENO);
    ::execlp("gdb", "gdb", "-nx", "-batch", "-iex", "set debuginfod enabled off", "-p", id.c_str(), "-ex",
             "thread apply all backtrace 40", static_cast<char*>(nullptr));
    ::_exit(127);
  }
  for (int tenths = 0; tenths < 300; ++tenths) {
    int status = 0;
    if (::waitpid(debugger, &status, WNOHANG) == debugger) return WIFEXITED(status) && WEXITSTATUS(status) == 0;
    ::usleep(100'000);
  }
  ::kill(debugger, SIGKILL);
  ::waitpid(debugger, nullptr, 0);
  return false;
}

void show(pid_t process) {
  std::fprintf(stderr, "--- %s\n", describe_process(process).c_str());
  for (auto const thread : threads_of(process)) {
    auto const folder = "/proc/" + std::to_string(process) + "/task/" + std::to_string(thread) + "/";
    auto name = text_of(folder + "comm");
    if (!name.empty()) name.pop_back();
    std::fprintf(stderr, "thread %d (%s): wchan %s, system call %s", static_cast<int>(thread), name.c_str(),
                 text_of(folder + "wchan").c_str(), text_of(folder + "syscall").c_str());
  }
  std::fprintf(stderr, "\n");
  if (state_of(process) != 'Z') gdb_shows_stacks(process);
}

void report_expiry(pid_t tests) {
  std::fprintf(stderr, "\nwatchdog: the deadline of this test has passed: %s\n", board->test);
  show(tests);
  int shown = 0;
  for (auto const member : descendants_of(tests)) {
    if (++shown > 8) break;
    show(member);
  }
  std::fflush(stderr);
}

// Waits for children that the tests left to us; whoever is alive after a second is named and killed.
bool nobody_left() {
  for (int round = 0; round < 100; ++round) {
    while (::waitpid(-1, nullptr, WNOHANG) > 0) {}
    if (children_of(::getpid()).empty()) return true;
    ::usleep(10'000);
  }
  for (auto const member : descendants_of(::getpid())) {
    std::fprintf(stderr, "watchdog: outlived the tests: %s\n", describe_process(member).c_str());
  }
  kill_descendants_of(::getpid());
  while (::waitpid(-1, nullptr, 0) > 0) {}
  return false;
}

int watch(pid_t tests) {
  int const handle = static_cast<int>(::syscall(SYS_pidfd_open, tests, 0));  // -1 is ignored by poll
  for (;;) {
    int status = 0;
    pid_t const ended = ::waitpid(-1, &status, WNOHANG);
    if (ended == tests) {
      ::close(handle);
      bool const all_gone = nobody_left();
      if (WIFSIGNALED(status)) {
        std::fprintf(stderr, "\nwatchdog: signal %d (%s) ended the tests in: %s\n", WTERMSIG(status),
                     ::strsignal(WTERMSIG(status)), board->test);
        return 128 + WTERMSIG(status);
      }
      return WEXITSTATUS(status) != 0 ? WEXITSTATUS(status) : (all_gone ? 0 : 1);
    }
    if (ended > 0) continue;                                                // an orphan of theirs
    auto const deadline = board->deadline.load(std::memory_order_acquire);  // pairs with the release in begin()
    if (deadline != 0 && now() > deadline) {
      ::close(handle);
      report_expiry(tests);
      kill_descendants_of(::getpid());
      while (::waitpid(-1, nullptr, 0) > 0) {}
      return watchdog_expired;
    }
    pollfd end_of_tests{handle, POLLIN, 0};
    ::poll(&end_of_tests, 1, 50);
  }
}

}  // namespace

int supervise(std::function<int()> const& program) {
  if (!wanted()) return program();
  void* const page = ::mmap(nullptr, sizeof(notice_board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return program();
  auto* const outer_board = board;
  board = new (page) notice_board;
  std::fflush(nullptr);
  pid_t const watcher = ::getpid();
  pid_t const tests = ::fork();
  if (tests == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != watcher) ::_exit(1);
    supervised = ::getpid();
    std::exit(program());
  }
  if (tests < 0) return program();
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);                    // the tests' orphans become ours
  auto* const interrupt = std::signal(SIGINT, SIG_IGN);  // Ctrl-C is for the tests; we end after them
  auto* const quit = std::signal(SIGQUIT, SIG_IGN);
  int const result = watch(tests);
  std::signal(SIGINT, interrupt);
  std::signal(SIGQUIT, quit);
  ::munmap(page, sizeof(notice_board));
  board = outer_board;
  return result;
}

namespace watchdog {

nanoseconds usual_allowance() {
  static auto const allowance = [] {
    auto const* seconds = std::getenv("TANDEM_TEST_DEADLINE");
    return std::chrono::seconds(seconds != nullptr ? std::atol(seconds) : soaking() ? 7200 : sanitized ? 300 : 60);
  }();
  return allowance;
}

void begin(std::string_view test, nanoseconds allowance) {
  if (board == nullptr) return;
  end();
  auto const length = std::min(test.size(), sizeof board->test - 1);
  std::memcpy(board->test, test.data(), length);
  board->test[length] = '\0';
  allow(allowance);
}

void end() {
  if (board != nullptr) board->deadline.store(0, std::memory_order_release);  // read by watch()
}

void allow(nanoseconds allowance) {
  if (board != nullptr)
    board->deadline.store(now() + allowance.count(), std::memory_order_release);  // pairs with watch()
}

bool orphans_are_ours() { return supervised == ::getpid(); }

std::vector<pid_t> orphans() {
  return orphans_are_ours() ? descendants_of(::getppid(), ::getpid()) : std::vector<pid_t>{};
}

}  // namespace watchdog
}  // namespace tandem_test
