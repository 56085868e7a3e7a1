// SPDX-License-Identifier: BSL-1.0
#include "tandem/os/clone.hpp"

#include <linux/futex.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <thread>

#include "support/build_kind.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/place.hpp"
#include "support/syscall_fault.hpp"
#include "tandem/os/futex.hpp"
#include "tandem/os/robust_list.hpp"

using namespace tandem;
using tandem_test::place, tandem_test::run_in_child, tandem_test::run_with_fault;

namespace {

/// A word with room for its links, as the robust list wants it.
struct marked_word {
  std::atomic<std::uint32_t> word{0};
  std::uint32_t room[5];
  os::robust_links links;
};

void clone_and_wait() {
  auto const self = os::cloning_thread::current();
  REQUIRE(self.usable());
  auto& number = place<std::atomic<std::uint32_t>>(0U);
  pid_t const child = os::clone_process(self, &number);
  if (child == 0) ::_exit(number == static_cast<std::uint32_t>(::getpid()) ? 7 : 1);
  REQUIRE(child > 0);
  CHECK(number == static_cast<std::uint32_t>(child));
  CHECK(::waitpid(child, nullptr, WNOHANG) == -1);  // no wait of the program sees it
  CHECK(errno == ECHILD);
  int status = 0;
  REQUIRE(::waitpid(child, &status, __WALL) == child);
  CHECK(WEXITSTATUS(status) == 7);
}

}  // namespace

TEST_CASE("clone: a child's number is there before it runs, and no wait of the program sees it", "[os][clone]") {
  auto const result = run_in_child(clone_and_wait);
  INFO(result.to_string());
  CHECK(result.passed());
}

TEST_CASE("clone: without clone3 the older call does the same", "[os][clone][fallback]") {
  for (int const error : {ENOSYS, EPERM}) {
    auto const result = run_with_fault({{SYS_clone3, error}}, clone_and_wait);
    INFO(result.to_string());
    CHECK(result.passed());
  }
}

TEST_CASE("clone: the child's robust list works, though no fork of glibc made it", "[os][clone]") {
  auto const result = run_in_child([] {
    auto& robust = place<marked_word>();
    auto& number = place<std::atomic<std::uint32_t>>(0U);
    pid_t const child = os::clone_process(os::cloning_thread::current(), &number);
    if (child == 0) {
      auto list = os::robust_list::of_this_thread();
      if (!list.usable()) ::_exit(1);
      list.link(&robust.links);
      robust.word = static_cast<std::uint32_t>(::getpid()) | FUTEX_WAITERS;
      os::futex_wake(&robust.word);
      for (;;) ::pause();
    }
    REQUIRE(child > 0);
    while (robust.word == 0) os::futex_wait(&robust.word, 0);
    ::kill(child, SIGKILL);
    REQUIRE(::waitpid(child, nullptr, __WALL) == child);
    CHECK((robust.word & FUTEX_OWNER_DIED) != 0);
  });
  INFO(result.to_string());
  CHECK(result.passed());
}

TEST_CASE("clone: a sibling is a child of one's parent", "[os][clone]") {
  auto& number = place<std::atomic<std::uint32_t>>(0U);
  auto const maker = run_in_child([&number] {
    pid_t const sibling = os::clone_process(os::cloning_thread::current(), &number, CLONE_PARENT);
    if (sibling == 0) ::_exit(5);
    CHECK(sibling > 0);
  });
  CHECK(maker.passed());
  int status = 0;
  REQUIRE(::waitpid(static_cast<pid_t>(number.load()), &status, __WALL) == static_cast<pid_t>(number.load()));
  CHECK(WEXITSTATUS(status) == 5);
}

TEST_CASE("clone: one thread is told from several", "[os][clone]") {
  if (tandem_test::thread_sanitized) {
    WARN("SKIP(one thread): ThreadSanitizer has one of its own");
    return;
  }
  auto const result = run_in_child([] {
    CHECK(os::is_single_threaded());
    std::atomic<bool> stop{false};
    std::thread other([&] {
      while (!stop) std::this_thread::yield();
    });
    CHECK_FALSE(os::is_single_threaded());
    stop = true;
    other.join();
  });
  INFO(result.to_string());
  CHECK(result.passed());
}

TEST_CASE("clone: handlers are forgotten, what is ignored stays ignored", "[os][clone]") {
  auto const result = run_in_child([] {
    ::signal(SIGUSR1, [](int) {});
    ::signal(SIGUSR2, SIG_IGN);
    os::forget_signal_handlers();
    struct sigaction action {};
    ::sigaction(SIGUSR1, nullptr, &action);
    CHECK(action.sa_handler == SIG_DFL);
    ::sigaction(SIGUSR2, nullptr, &action);
    CHECK(action.sa_handler == SIG_IGN);
  });
  INFO(result.to_string());
  CHECK(result.passed());
}
