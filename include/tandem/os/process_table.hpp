// SPDX-License-Identifier: BSL-1.0
// What proc(5) tells of a thread: the proof of a death that the kernel could not mark; and of the tree of processes.
#ifndef TANDEM_OS_PROCESS_TABLE_HPP
#define TANDEM_OS_PROCESS_TABLE_HPP

#include <dirent.h>       // for opendir, readdir
#include <fcntl.h>        // for open
#include <signal.h>       // for kill
#include <sys/stat.h>     // for stat
#include <sys/syscall.h>  // for SYS_gettid
#include <sys/types.h>    // for pid_t
#include <unistd.h>       // for read, close, getpid, readlink, syscall, sysconf

#include <cerrno>        // for errno, ESRCH
#include <charconv>      // for from_chars
#include <cstdint>       // for int64_t, uint64_t
#include <cstdio>        // for snprintf
#include <cstring>       // for strlen, strrchr
#include <system_error>  // for errc

namespace tandem::os {

/// The kernel's identity of the calling thread. One system call.
inline pid_t thread_id() noexcept { return static_cast<pid_t>(::syscall(SYS_gettid)); }

/// How the kernel knows a task: state as in ps(1), 0 where there is none; start time in clock ticks since boot, which
/// tells a reused number; the process's parent.
struct task_state {
  char state = 0;
  std::uint64_t start_time = 0;
  pid_t parent = 0;

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
  task_state task{at[2], 0, 0};
  if (at + 4 < text + length) std::from_chars(at + 4, text + length, task.parent);
  int blanks = 0;
  for (at += 2; *at != '\0' && blanks < 19; ++at)
    blanks += *at == ' ';  // field 3 is the state, field 22 the start time
  std::from_chars(at, text + length, task.start_time);
  return task;
}

/// Whether the kernel knows such a thread, of whatever process and user; a zombie counts.
inline bool thread_exists(pid_t tid) noexcept { return ::kill(tid, 0) == 0 || errno != ESRCH; }

/// Whether proc(5) shows the PID namespace of the calling process: not, where that was entered without mounting its
/// own.
inline bool proc_is_own() noexcept {
  char text[24] = {};
  pid_t shown = 0;
  auto const length = ::readlink("/proc/self", text, sizeof text - 1);
  return length > 0 && std::from_chars(text, text + length, shown).ec == std::errc{} && shown == ::getpid();
}

/// A number for the PID namespace that the calling process sees, never 0; 1 where proc(5) does not tell.
inline std::uint64_t pid_namespace() noexcept {
  struct stat status {};
  return ::stat("/proc/self/ns/pid", &status) == 0 && status.st_ino != 0 ? status.st_ino : 1;
}

/// Calls `f(number)` for each entry of a folder of proc(5) whose name is a number: the processes in "/proc", the
/// threads in "/proc/<pid>/task". 0; or -1 and errno where it cannot be read.
template <class F> int for_each_number(char const* folder, F f) {
  struct closed {
    DIR* open;
    ~closed() {
      if (open != nullptr) ::closedir(open);
    }
  } const entries{::opendir(folder)};
  if (entries.open == nullptr) return -1;
  while (dirent const* const entry = ::readdir(entries.open)) {
    pid_t number = 0;
    char const* const end = entry->d_name + std::strlen(entry->d_name);
    auto const [read, error] = std::from_chars(entry->d_name, end, number);
    if (error == std::errc{} && read == end) f(number);
  }
  return 0;
}

/// Whether no thread of the process is running, or about to: each is stopped, dead, or held by the kernel in a sleep
/// that no signal breaks.
inline bool is_at_rest(pid_t pid) noexcept {
  char folder[64];
  std::snprintf(folder, sizeof folder, "/proc/%d/task", pid);
  bool rest = true;
  for_each_number(folder, [&](pid_t thread) noexcept {
    char const state = look_up_task(pid, thread).state;
    rest &= state != 'R' && state != 'S' && state != 'I';
  });
  return rest;
}

}  // namespace tandem::os

#endif  // TANDEM_OS_PROCESS_TABLE_HPP
