// SPDX-License-Identifier: BSL-1.0
// fork(2), and what a child that shares its parent's code needs to end well.
#ifndef TANDEM_OS_FORK_HPP
#define TANDEM_OS_FORK_HPP

#include <sys/prctl.h>  // for prctl, PR_SET_CHILD_SUBREAPER, PR_SET_NAME
#include <sys/types.h>  // for pid_t
#include <unistd.h>     // for fork, _exit, getpid

#include <cstdlib>  // for on_exit

#include "tandem/os/bound.hpp"  // for bound

extern "C" {
// what at_quick_exit(3) calls; the function gets the exit code as well, as those of exit(3) do
int tandem_at_quick_exit(void (*function)(void*, int), void* module) noexcept __asm__("__cxa_at_quick_exit");
[[gnu::weak]] void __gcov_dump(void);  // present in a program built for coverage
}

namespace tandem::os {

/// glibc's fork: its handlers run, and its allocator and streams are usable in the child even if other threads were
/// inside them.
inline pid_t fork() noexcept { return ::fork(); }

/// Ends the process at once: no exit handlers, no destructors of static objects.
[[noreturn]] inline void leave_process(int code) noexcept {
  if (__gcov_dump != nullptr) __gcov_dump();
  bound (&::_exit)(code);
  __builtin_unreachable();
}

/// Lets `last(code)` be the last that exit(3) runs: what was registered before, by a parent, does not run in this
/// process. False where there is no memory for it.
inline bool end_exit_with(void (*last)(int code, void*)) noexcept { return bound(&::on_exit)(last, nullptr) == 0; }

/// Lets `last(nullptr, code)` be the first that quick_exit(3) runs of what is registered until now; where it does not
/// leave, the others follow. False where there is no memory for it.
inline bool begin_quick_exit_with(void (*last)(void*, int code)) noexcept {
  return tandem_at_quick_exit(last, nullptr) == 0;
}

/// Makes the calling process the new parent of descendants whose parent has died (PR_SET_CHILD_SUBREAPER). Kept over an
/// exec, not inherited.
inline void adopt_orphans() noexcept { ::prctl(PR_SET_CHILD_SUBREAPER, 1); }

/// The calling thread's name as ps(1), top(1) and debuggers show it: the first 15 bytes.
inline void name_thread(char const* name) noexcept { ::prctl(PR_SET_NAME, name); }

}  // namespace tandem::os

#endif  // TANDEM_OS_FORK_HPP
