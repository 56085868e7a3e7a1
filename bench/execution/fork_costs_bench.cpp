// SPDX-License-Identifier: BSL-1.0
// us from fork to the return of waitid, with one thing more in the child or in the parent: what each costs a start, by
// the page faults it brings.
#include <sys/mman.h>     // for madvise, mmap
#include <sys/syscall.h>  // for SYS_pidfd_open
#include <sys/wait.h>     // for waitid
#include <unistd.h>       // for _exit, close, fork, syscall

#include <array>    // for array
#include <cstddef>  // for size_t
#include <cstdio>   // for fflush
#include <cstdlib>  // for free, malloc, on_exit

#include "support/question.hpp"

namespace tandem_bench {
namespace {

constexpr std::size_t page = 4096;
constexpr std::size_t far_pages = std::size_t{1} << 18;

char volatile* map(void* wanted, std::size_t bytes, int kind) {
  void* const at = ::mmap(wanted, bytes, PROT_READ | PROT_WRITE, kind | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  check(at != MAP_FAILED, "mmap");
  return static_cast<char volatile*>(at);
}

void reap(pid_t child) {
  check(child > 0, "fork");
  siginfo_t info{};
  check(::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED) == 0 && info.si_status == 0, "the child's exit code");
}

// fork + waitid, the child doing `work` in between.
template <class Work> auto with(Work work) {
  return [work] {
    pid_t const child = ::fork();
    if (child == 0) {
      work();
      ::_exit(0);
    }
    reap(child);
  };
}

void by_descriptor() {
  pid_t const child = ::fork();
  if (child == 0) ::_exit(0);
  int const descriptor = static_cast<int>(::syscall(SYS_pidfd_open, child, 0));
  check(descriptor >= 0, "pidfd_open");
  siginfo_t info{};
  auto const p_pidfd = static_cast<idtype_t>(3);
  check(::waitid(p_pidfd, static_cast<id_t>(descriptor), &info, WEXITED | WNOHANG | WNOWAIT) == 0, "waitid");
  check(::waitid(p_pidfd, static_cast<id_t>(descriptor), &info, WEXITED) == 0 && info.si_status == 0, "waitid");
  ::close(descriptor);
}

void with_blocks() {
  std::array<void*, 5> blocks{};
  for (auto& block : blocks) {
    block = std::malloc(500);
    *static_cast<char volatile*>(block) = 1;
  }
  with([] {})();
  for (auto* block : blocks) std::free(block);
}

}  // namespace

void questions() {
  auto* const near = map(nullptr, page, MAP_SHARED);
  auto* const far = map(reinterpret_cast<void*>(0x300000000000), far_pages * page, MAP_SHARED);
  auto* const wiped = map(nullptr, page, MAP_PRIVATE);
  ::madvise(const_cast<char*>(wiped), page, MADV_WIPEONFORK);
  for (auto* at : {near, far, wiped}) *at = 1;

  question("what a fork's companions cost, parent 0", unit::us)
      .base("fork + waitid", with([] {}))
      .peer("child writes shared memory, near", with([=] { *near = 1; }))
      .peer("child writes shared memory, far", with([=] { *far = 1; }))
      .peer("... a page that is new each time",
            [far, turn = std::size_t{0}]() mutable {
              turn = (turn + 1) % far_pages;
              char volatile* const fresh = far + turn * page;
              *fresh = 1;
              with([=] { *fresh = 1; })();
            })
      .peer("child writes a page wiped by the fork", with([=] { *wiped = 1; }))
      .peer("child calls on_exit", with([] { static_cast<void>(::on_exit([](int, void*) {}, nullptr)); }))
      .peer("child calls fflush(nullptr)", with([] { std::fflush(nullptr); }))
      .peer("parent takes and frees 5 blocks", with_blocks)
      .peer("pidfd_open, waitid twice, close", by_descriptor);
}

}  // namespace tandem_bench
