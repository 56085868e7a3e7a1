// SPDX-License-Identifier: BSL-1.0
// What proc(5) tells of a thread: the proof of a death that the kernel could not mark.
#ifndef TANDEM_OS_PROCESS_TABLE_HPP
#define TANDEM_OS_PROCESS_TABLE_HPP

#include <fcntl.h>        // for open
#include <sys/syscall.h>  // for SYS_gettid
#include <sys/types.h>    // for pid_t
#include <unistd.h>       // for read, close, syscall, sysconf

#include <charconv>  // for from_chars
#include <cstdint>   // for int64_t, uint64_t
#include <cstdio>    // for snprintf
#include <cstring>   // for strrchr

namespace tandem::os {

/// The kernel's identity of the calling thread. One system call.
inline pid_t thread_id() noexcept { return static_cast<pid_t>(::syscall(SYS_gettid)); }

/// How the kernel knows a task: state as in ps(1), 0 where there is none; start time in clock ticks since boot, which
/// tells a reused number.
struct task_state {
  char state = 0;
  std::uint64_t start_time = 0;

  bool running() const noexcept { return state != 0 && state != 'Z' && state != 'X'; }
};

/// Whether the task started after `boot_ns` (CLOCK_BOOTTIME): then its number was another task's before. Start times
/// are kept by the tick.
inline bool started_after(task_state const& task, std::int64_t boot_ns) noexcept {
  std::int64_t const tick_ns = 1'000'000'000 / ::sysconf(_SC_CLK_TCK);
  return static_cast<std::int64_t>(task.start_time) * tick_ns > boot_ns + tick_ns;
}

/// Reads /proc/<pid>/task/<tid>/stat. Three system calls; no allocation.
inline task_state look_up_task(pid_t pid, pid_t tid) noexcept {
  char text[512];
  std::snprintf(text, sizeof text, "/proc/%d/task/%d/stat", pid, tid);
  int const descriptor = ::open(text, O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return {};
  auto const length = ::read(descriptor, text, sizeof text - 1);
  ::close(descriptor);
  if (length <= 0) return {};
  text[length] = '\0';
  char const* at = std::strrchr(text, ')');  // the name before it may hold anything, blanks and brackets too
  if (at == nullptr || at + 2 >= text + length) return {};
  task_state task{at[2], 0};
  int blanks = 0;
  for (at += 2; *at != '\0' && blanks < 19; ++at)
    blanks += *at == ' ';  // field 3 is the state, field 22 the start time
  std::from_chars(at, text + length, task.start_time);
  return task;
}

}  // namespace tandem::os

#endif  // TANDEM_OS_PROCESS_TABLE_HPP
