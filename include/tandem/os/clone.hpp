// SPDX-License-Identifier: BSL-1.0
// Processes by a bare clone3(2), for a program that has one thread: children of somebody else, that the host's wait()
// does not see, whose number the kernel writes where others can read it. What glibc's fork would have done for the
// child's thread is done here.
#ifndef TANDEM_OS_CLONE_HPP
#define TANDEM_OS_CLONE_HPP

#include <linux/futex.h>  // for robust_list_head
#include <linux/sched.h>  // for clone_args, CLONE_PARENT
#include <signal.h>       // for sigaction
#include <sys/prctl.h>    // for prctl, PR_GET_TID_ADDRESS
#include <sys/stat.h>     // for stat
#include <sys/syscall.h>  // for SYS_clone, SYS_clone3
#include <sys/types.h>    // for pid_t
#include <unistd.h>       // for syscall

#include <cerrno>   // for errno, ENOSYS, EPERM
#include <cstddef>  // for size_t
#include <cstdint>  // for uint32_t, uint64_t

namespace tandem::os {

/// Whether this process has one thread, as far as proc(5) tells; false where it does not.
inline bool is_single_threaded() noexcept {
  struct ::stat tasks {};
  return ::stat("/proc/self/task", &tasks) == 0 && tasks.st_nlink == 3;  // ".", "..", and the one
}

/// What a cloned child needs to know of the thread that clones it: where glibc keeps its TID, and its robust list.
struct cloning_thread {
  void* tid_address = nullptr;
  robust_list_head* list = nullptr;
  std::size_t list_bytes = 0;

  /// The calling thread's. Not usable where the kernel does not tell (PR_GET_TID_ADDRESS needs
  /// CONFIG_CHECKPOINT_RESTORE).
  static cloning_thread current() noexcept {
    cloning_thread self;
    if (::prctl(PR_GET_TID_ADDRESS, &self.tid_address) != 0 || self.tid_address == nullptr ||
        *static_cast<pid_t*>(self.tid_address) != static_cast<pid_t>(::syscall(SYS_gettid)))
      return {};
    if (::syscall(SYS_get_robust_list, 0, &self.list, &self.list_bytes) != 0) return {};
    return self;
  }

  bool usable() const noexcept { return tid_address != nullptr && list != nullptr; }
};

/// Clones this process; the child has a copy of its memory. The child sends no signal at its end, and only a wait with
/// __WALL sees it. `flags`: 0 or CLONE_PARENT, which makes it a sibling (its parent is this process's parent, and its
/// signal this process's). The kernel writes its number to `pid` before it runs; 0 in the child, -1 and errno where
/// there is none. @pre one thread, `self` is its
inline pid_t clone_process(cloning_thread const& self, void* pid, std::uint64_t flags = 0) noexcept {
  flags |= CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID;
  clone_args how{};
  how.flags = flags;
  how.parent_tid = reinterpret_cast<std::uint64_t>(pid);
  how.child_tid = reinterpret_cast<std::uint64_t>(self.tid_address);
  long made = ::syscall(SYS_clone3, &how, sizeof how);
  if (made < 0 && (errno == ENOSYS || errno == EPERM)) {
#if defined(__x86_64__)
    made = ::syscall(SYS_clone, flags, nullptr, pid, self.tid_address, nullptr);
#else
    made = ::syscall(SYS_clone, flags, nullptr, pid, nullptr, self.tid_address);
#endif
  }
  if (made == 0) {  // the list was the parent's, and the kernel does not know this thread's
    self.list->list.next = &self.list->list;
    reinterpret_cast<void**>(self.list)[-1] = self.list;
    self.list->list_op_pending = nullptr;
    ::syscall(SYS_set_robust_list, self.list, self.list_bytes);
  }
  return static_cast<pid_t>(made);
}

/// Gives every signal that the program handles its default disposition; those it ignores stay ignored.
inline void forget_signal_handlers() noexcept {
  for (int number = 1; number < _NSIG; ++number) {
    struct sigaction action {};
    if (::sigaction(number, nullptr, &action) != 0 || action.sa_handler == SIG_DFL || action.sa_handler == SIG_IGN)
      continue;
    struct sigaction plain {};
    plain.sa_handler = SIG_DFL;
    ::sigaction(number, &plain, nullptr);
  }
}

}  // namespace tandem::os

#endif  // TANDEM_OS_CLONE_HPP
