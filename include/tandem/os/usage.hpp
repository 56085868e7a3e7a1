// SPDX-License-Identifier: BSL-1.0
// What the kernel tells of the use of resources by the living: proc(5), and the clocks of CPU time.
#ifndef TANDEM_OS_USAGE_HPP
#define TANDEM_OS_USAGE_HPP

#include <pthread.h>       // for pthread_self, pthread_t
#include <sys/prctl.h>     // for prctl
#include <sys/resource.h>  // for getrusage, RUSAGE_THREAD
#include <sys/syscall.h>   // for SYS_gettid
#include <sys/types.h>     // for pid_t, ssize_t
#include <time.h>          // for clock_getcpuclockid, clock_gettime
#include <unistd.h>        // for syscall, sysconf

#include <charconv>     // for from_chars
#include <cstddef>      // for ptrdiff_t, size_t
#include <cstdint>      // for int64_t, uint64_t
#include <cstdio>       // for snprintf
#include <optional>     // for optional
#include <string_view>  // for string_view

#include "tandem/os/descriptor.hpp"  // for close, open, read

namespace tandem::os {

/// A small file of proc(5), as read at once.
class proc_text {
 public:
  /// Empty where it cannot be read.
  explicit proc_text(char const* path) noexcept {
    int const descriptor = os::open(path, O_RDONLY);
    if (descriptor < 0) return;
    while (length_ < sizeof text_) {
      ssize_t const count = os::read(descriptor, text_ + length_, sizeof text_ - length_);
      if (count <= 0) break;
      length_ += static_cast<std::size_t>(count);
    }
    os::close(descriptor);
  }

  /// `name` of a process, or of one of its threads.
  static proc_text of_process(pid_t process, char const* name) noexcept {
    char path[64];
    std::snprintf(path, sizeof path, "/proc/%d/%s", process, name);
    return proc_text(path);
  }
  static proc_text of_thread(pid_t process, pid_t thread, char const* name) noexcept {
    char path[80];
    std::snprintf(path, sizeof path, "/proc/%d/task/%d/%s", process, thread, name);
    return proc_text(path);
  }

  std::string_view view() const noexcept { return {text_, length_}; }
  explicit operator bool() const noexcept { return length_ != 0; }

  /// The number behind `key` at the start of a line, such as "VmHWM:".
  std::optional<std::uint64_t> operator[](std::string_view key) const noexcept {
    auto rest = view();
    while (!rest.starts_with(key)) {
      auto const end = rest.find('\n');
      if (end == rest.npos) return std::nullopt;
      rest.remove_prefix(end + 1);
    }
    rest.remove_prefix(key.size());
    while (rest.starts_with(' ') || rest.starts_with('\t')) rest.remove_prefix(1);
    std::uint64_t number = 0;
    if (std::from_chars(rest.data(), rest.data() + rest.size(), number).ec != std::errc()) return std::nullopt;
    return number;
  }

 private:
  char text_[4096];
  std::size_t length_ = 0;
};

/// Of a "stat" file: a process's is the sum of its threads, those that have ended too.
struct task_counts {
  char state = 0;
  std::uint64_t minor_faults = 0, major_faults = 0;
  std::uint64_t user_ticks = 0, system_ticks = 0;  // by the clock tick, which is coarse
  std::uint64_t start_ticks = 0;                   // since boot
};

/// Empty where `text` is none.
inline std::optional<task_counts> counts_of(proc_text const& text) noexcept {
  auto rest = text.view();
  auto const name_end = rest.rfind(')');  // the name before it may hold anything
  if (name_end == rest.npos || name_end + 2 >= rest.size()) return std::nullopt;
  rest.remove_prefix(name_end + 2);
  task_counts counts{};
  counts.state = rest.front();
  for (int field = 3; !rest.empty() && field <= 22; ++field) {
    std::uint64_t* const wanted = field == 10   ? &counts.minor_faults
                                  : field == 12 ? &counts.major_faults
                                  : field == 14 ? &counts.user_ticks
                                  : field == 15 ? &counts.system_ticks
                                  : field == 22 ? &counts.start_ticks
                                                : nullptr;
    if (wanted != nullptr) std::from_chars(rest.data(), rest.data() + rest.size(), *wanted);
    auto const blank = rest.find(' ');
    if (blank == rest.npos) return std::nullopt;
    rest.remove_prefix(blank + 1);
  }
  return counts;
}

/// Nanoseconds of a clock tick of proc(5).
inline std::int64_t tick_ns() noexcept { return 1'000'000'000 / ::sysconf(_SC_CLK_TCK); }

namespace detail {

inline std::optional<std::int64_t> read_clock(clockid_t clock) noexcept {
  timespec time{};
  if (::clock_gettime(clock, &time) != 0) return std::nullopt;
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

}  // namespace detail

/// Nanoseconds that a process's threads have been on a CPU, those that have ended too; exact. Empty where there is no
/// such process.
inline std::optional<std::int64_t> cpu_time_of_process(pid_t process) noexcept {
  clockid_t clock{};
  if (::clock_getcpuclockid(process, &clock) != 0) return std::nullopt;
  return detail::read_clock(clock);
}

/// The same of one thread of the calling process.
inline std::optional<std::int64_t> cpu_time_of_thread(pid_t thread) noexcept {
  // As glibc makes the clock of a pthread_t: the complement of the number, then the kernel's CPUCLOCK_PERTHREAD (4) and
  // CPUCLOCK_SCHED (2).
  return detail::read_clock(static_cast<clockid_t>(~static_cast<unsigned>(thread) << 3 | 4U | 2U));
}

/// Whether `thread_id_of` knows. One system call, at the first call in a process.
inline std::ptrdiff_t thread_id_offset() noexcept {
  // Where glibc has the kernel's number of a thread is the same place in each one's descriptor; the kernel knows it,
  // for it clears the number at the thread's end (PR_GET_TID_ADDRESS: a kernel with CONFIG_CHECKPOINT_RESTORE).
  static std::ptrdiff_t const offset = []() -> std::ptrdiff_t {
    constexpr int get_tid_address = 40;
    int* address = nullptr;
    if (::prctl(get_tid_address, &address, 0, 0, 0) != 0 || address == nullptr) return 0;
    auto const distance = reinterpret_cast<char*>(address) - reinterpret_cast<char*>(::pthread_self());
    if (distance <= 0 || distance >= 4096 || *address != static_cast<int>(::syscall(SYS_gettid))) return 0;
    return distance;
  }();
  return offset;
}

/// The kernel's number of a thread that was not joined yet; 0 once it has ended. @pre thread_id_offset() != 0
inline pid_t thread_id_of(pthread_t thread) noexcept {
  return __atomic_load_n(reinterpret_cast<pid_t*>(reinterpret_cast<char*>(thread) + thread_id_offset()),
                         __ATOMIC_RELAXED);
}

/// What the calling thread has used so far. One system call.
inline rusage usage_of_this_thread() noexcept {
  rusage used{};
  ::getrusage(RUSAGE_THREAD, &used);
  return used;
}

/// What the calling process has used so far, its threads that have ended too; not its children.
inline rusage usage_of_this_process() noexcept {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  return used;
}

}  // namespace tandem::os

#endif  // TANDEM_OS_USAGE_HPP
