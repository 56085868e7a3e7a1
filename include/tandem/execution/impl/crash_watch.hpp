// SPDX-License-Identifier: BSL-1.0
// How a process reports its crash: handlers that write to the process's page of the family's table, and let the signal
// happen again, to whatever was there before them.
#ifndef TANDEM_EXECUTION_IMPL_CRASH_WATCH_HPP
#define TANDEM_EXECUTION_IMPL_CRASH_WATCH_HPP

#include <dlfcn.h>      // for dladdr
#include <setjmp.h>     // for sigsetjmp, siglongjmp
#include <signal.h>     // for sigaction
#include <sys/auxv.h>   // for getauxval
#include <sys/prctl.h>  // for prctl, PR_GET_NAME
#include <time.h>       // for nanosleep
#include <unistd.h>     // for getpid, readlink, getcwd

#include <atomic>    // for atomic
#include <cerrno>    // for errno
#include <cstddef>   // for byte, size_t
#include <cstdint>   // for uint32_t, uintptr_t
#include <cstring>   // for strlen, strchr, memcpy
#include <iterator>  // for size

#include "tandem/execution/impl/crash_record.hpp"  // for crash_record
#include "tandem/execution/impl/crash_stack.hpp"   // for crash_stack
#include "tandem/memory/impl/members.hpp"          // for members, member_slot
#include "tandem/os/fault.hpp"                     // for walk_stack, signal_again, ...
#include "tandem/os/process_table.hpp"             // for thread_id
#include "tandem/os/signal_stack.hpp"              // for set_signal_stack

namespace tandem::impl {

/// The handlers of this process, and what they need. One for the process; nothing of it is touched where no report was
/// asked for.
class crash_watch {
 public:
  /// Takes the signals of crashes, in a child that is setting itself up: it has one thread.
  static void begin() noexcept {
    process_ = ::getpid();
    slot_ = &members::at(members::self());
    reporter_.store(0, std::memory_order_relaxed);
    done_.store(false, std::memory_order_relaxed);
    escapes_ = 0;
    program_ = ::getauxval(AT_PHDR) / 4096 * 4096;
    if (os::signal_stack() < os::signal_stack_bytes / 2) os::set_signal_stack(first_stack_, sizeof first_stack_);
    crash_stack::wanted.store(true, std::memory_order_relaxed);
    os::walk_stack([](std::uintptr_t) { return true; });  // loads what it needs
    Dl_info known{};
    ::dladdr(reinterpret_cast<void*>(&handle), &known);

    struct sigaction ours {};
    ours.sa_sigaction = &handle;
    // On the way another crash is to come through, and the timer, but nothing of the host's.
    ours.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
    ::sigfillset(&ours.sa_mask);
    for (int const signal : os::fault_signals) ::sigdelset(&ours.sa_mask, signal);
    for (std::size_t i = 0; i < std::size(os::fault_signals); ++i) {
      struct sigaction before {};
      ::sigaction(os::fault_signals[i], &ours, &before);
      // In a child of a process that reports they are there already, and what was before them is known.
      if ((before.sa_flags & SA_SIGINFO) == 0 || before.sa_sigaction != &handle) before_[i] = before;
    }
  }

 private:
  static constexpr int time_is_up = 2;
  static constexpr int most_escapes = 4;                         // leaving the report may crash as well
  static constexpr std::int64_t longest_report = 2'000'000'000;  // ns

  static void handle(int signal, siginfo_t* info, void* context) {
    // Nothing here needs thread-local variables, errno among them: they are what an overrun of the stack destroys.
    if (process_ == ::getpid()) {  // a child that the host has forked is none of ours to report
      auto const me = static_cast<std::uint32_t>(os::thread_id());
      std::uint32_t first = 0;
      bool const timed_out = info->si_code == SI_TIMER && info->si_value.sival_ptr == &way_out_;
      if (!timed_out && reporter_.compare_exchange_strong(first, me, std::memory_order_acq_rel)) {
        report(signal, *info, context);
        done_.store(true, std::memory_order_release);
      } else if (timed_out || first == me) {
        // Not done: the report itself has crashed, or takes too long, and what there is must do.
        bool const done = done_.load(std::memory_order_acquire);
        if (!done && ++escapes_ <= most_escapes) ::siglongjmp(way_out_, timed_out ? time_is_up : 1);
        if (done && timed_out) return;
      } else {
        let_the_first_die();
      }
    }
    for (std::size_t i = 0; i < std::size(os::fault_signals); ++i) {
      if (os::fault_signals[i] == signal) ::sigaction(signal, &before_[i], nullptr);
    }
    os::signal_again(signal, *info);
  }

  /// Another thread was first, and its signal is to be the one that the process dies of: unless somebody repairs its
  /// fault, it is about to.
  static void let_the_first_die() noexcept {
    timespec const moment{0, 5'000'000};
    for (int i = 0; i < 600 && !done_.load(std::memory_order_acquire); ++i) ::nanosleep(&moment, nullptr);
    for (int i = 0; i < 200; ++i) ::nanosleep(&moment, nullptr);
  }

  // Unwinding and the loader's tables can fail where memory is out of order. What needs neither is written first.
  static void report(int signal, siginfo_t const& info, void* context) noexcept {
    member_slot& slot = *slot_;
    slot.crash.store(crash_record::begun, std::memory_order_relaxed);
    auto& record = *reinterpret_cast<crash_record*>(crash_record::place(slot));
    record.signal = signal;
    record.code = info.si_code;
    bool const has_address = info.si_code > 0 && signal != SIGABRT && signal != SIGSYS;
    record.fault_address = has_address ? reinterpret_cast<std::uintptr_t>(info.si_addr) : 0;
    record.stack_end = reinterpret_cast<std::uintptr_t>(__libc_stack_end);
    record.thread = os::thread_id();
    record.thread_name[0] = '\0';
    ::prctl(PR_GET_NAME, record.thread_name);
    record.frames_known = 0;
    std::uintptr_t const at = os::interrupted_at(context);
    add_frame(record, at);
    slot.crash.store(crash_record::readable, std::memory_order_release);

    int timer = 0;
    if (os::start_thread_timer(signal, longest_report, &way_out_, timer) != 0) return;  // without it: nothing risky
    int volatile error = -1;
    int volatile step = 0;  // one that has crashed is left out, and the next one tried
    if (::sigsetjmp(way_out_, 0) != time_is_up) {
      if (error == -1) {
        error = 0;
        error = errno;
      }
      if (step == 0) {
        step = 1;
        walk(record, at);
      }
      if (step == 1) {
        step = 2;
        // jumped to where no code is
        if (record.frames_known == 1) add_frame(record, os::interrupted_call(context));
      }
      if (step == 2) {
        step = 3;
        name_frames(record);
        slot.crash.store(crash_record::complete, std::memory_order_release);
      }
    }
    os::stop_thread_timer(timer);
    if (error > 0) errno = error;  // for whoever repairs the fault
  }

  static bool add_frame(crash_record& record, std::uintptr_t address) noexcept {
    if (address == 0 && record.frames_known != 0) return true;  // what unwinding ends with
    if (record.frames_known == crash_record::most_frames) return false;
    record.frames[record.frames_known] = {address, 0, 0, 0, 0};
    std::atomic_signal_fence(std::memory_order_release);  // counted when it is there
    record.frames_known = record.frames_known + 1;
    return true;
  }

  /// The frames that called the crashed one, which comes after the handler's own.
  static void walk(crash_record& record, std::uintptr_t at) noexcept {
    bool met = false;
    os::walk_stack([&](std::uintptr_t address) {
      if (met) return add_frame(record, address);
      met = address == at;
      return true;
    });
  }

  static void name_frames(crash_record& record) noexcept {
    std::size_t used = 0, modules = 0;
    auto const add_text = [&](char const* before, char const* text) -> std::uint16_t {
      std::size_t const first = std::strlen(before), all = first + std::strlen(text) + 1;
      if (all > crash_record::text_bytes - used) return 0;
      std::memcpy(record.text + used, before, first);
      std::memcpy(record.text + used + first, text, all - first);
      used += all;
      return static_cast<std::uint16_t>(used - all + 1);
    };
    Dl_info known[crash_record::most_frames];
    // The modules first: where there is no room for all, functions can be found without.
    for (std::uint32_t i = 0; i < record.frames_known; ++i) {
      known[i] = {};
      auto& frame = record.frames[i];
      if (::dladdr(reinterpret_cast<void*>(frame.address - (i == 0 ? 0 : 1)), &known[i]) == 0) continue;
      auto const base = reinterpret_cast<std::uintptr_t>(known[i].dli_fbase);
      std::size_t index = 0;
      while (index < modules && record.modules[index].base != base) ++index;
      if (index == modules) {
        if (modules == crash_record::most_modules) continue;
        auto const path = base == program_                  ? add_program(add_text)
                          : is_relative(known[i].dli_fname) ? add_relative(add_text, known[i].dli_fname)
                                                            : add_text("", known[i].dli_fname);
        if (path == 0) continue;
        record.modules[modules++] = {base, path, {}};
      }
      frame.module = static_cast<std::uint16_t>(index + 1);
    }
    for (std::uint32_t i = 0; i < record.frames_known; ++i) {
      auto& frame = record.frames[i];
      if (frame.module == 0 || known[i].dli_sname == nullptr) continue;
      frame.function = reinterpret_cast<std::uintptr_t>(known[i].dli_saddr);
      frame.name = add_text("", known[i].dli_sname);
    }
  }

  static bool is_relative(char const* path) noexcept {
    return path[0] != '/' && std::strchr(path, '/') != nullptr;  // without any, it is no path: linux-vdso.so.1
  }

  template <class Add> static std::uint16_t add_program(Add const& add_text) noexcept {
    char path[1024];
    auto const n = ::readlink("/proc/self/exe", path, sizeof path - 1);
    if (n <= 0) return add_text("", "program");
    path[n] = '\0';
    return add_text("", path);
  }

  template <class Add> static std::uint16_t add_relative(Add const& add_text, char const* path) noexcept {
    char folder[1024];
    if (::getcwd(folder, sizeof folder - 1) == nullptr) return add_text("", path);
    auto const length = std::strlen(folder);
    folder[length] = '/';
    folder[length + 1] = '\0';
    return add_text(folder, path);
  }

  static inline constinit pid_t process_ = 0;
  static inline constinit member_slot* slot_ = nullptr;
  static inline constinit std::atomic<std::uint32_t> reporter_{0};  // the TID of the thread that crashed first
  static inline constinit std::atomic<bool> done_{false};           // its report is written
  static inline constinit std::uintptr_t program_ = 0;              // where the program's memory begins
  static inline struct sigaction before_[std::size(os::fault_signals)]{};
  static inline sigjmp_buf way_out_;
  static inline constinit int escapes_ = 0;
  alignas(16) static inline std::byte first_stack_[os::signal_stack_bytes];
};

}  // namespace tandem::impl

#endif  // TANDEM_EXECUTION_IMPL_CRASH_WATCH_HPP
