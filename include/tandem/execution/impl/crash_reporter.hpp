// SPDX-License-Identifier: BSL-1.0
// How a process reports its crash: handlers that write to the process's page of the family's table, and let the signal
// happen again, to whatever was there before them.
#ifndef TANDEM_EXECUTION_IMPL_CRASH_REPORTER_HPP
#define TANDEM_EXECUTION_IMPL_CRASH_REPORTER_HPP

#include <dlfcn.h>      // for dladdr
#include <link.h>       // for dl_iterate_phdr, dl_phdr_info
#include <setjmp.h>     // for sigsetjmp, siglongjmp
#include <signal.h>     // for sigaction
#include <sys/prctl.h>  // for prctl, PR_GET_NAME
#include <time.h>       // for nanosleep
#include <unistd.h>     // for getpid, readlink, getcwd

#include <algorithm>  // for min
#include <atomic>     // for atomic
#include <cerrno>     // for errno
#include <cstddef>    // for byte, size_t
#include <cstdint>    // for int64_t, uint16_t, uint32_t, uintptr_t
#include <cstring>    // for memcpy, strchr, strlen
#include <iterator>   // for size

#include "tandem/execution/impl/crash_record.hpp"  // for crash_record
#include "tandem/execution/impl/crash_stack.hpp"   // for crash_stack
#include "tandem/memory/impl/members.hpp"          // for members, member_slot
#include "tandem/os/clock.hpp"                     // for monotonic_ns
#include "tandem/os/fault.hpp"                     // for walk_stack, signal_again, ...
#include "tandem/os/modules.hpp"                   // for modules_generation
#include "tandem/os/process_table.hpp"             // for thread_id
#include "tandem/os/signal_stack.hpp"              // for set_signal_stack
#include "tandem/os/stack.hpp"                     // for __libc_stack_end

namespace tandem::impl {

/// The handlers of this process, and what they need. One for the process; nothing of it is touched where no report was
/// asked for.
///
///   a crash -> handle: the first thread -> report -> the former handler, then the same signal to it, as if first now
///                      a second thread  -> sleeps until the first one's signal has ended the process
///                      the report's own crash, or its 2 s are up -> back into report, which skips that step
class crash_reporter {
 public:
  /// Takes the signals of crashes, in a child that is setting itself up, which has one thread yet. `who` is its page.
  static void begin(token who) noexcept {
    process_ = ::getpid();
    slot_ = &members::at(who);
    reporter_.store(0, std::memory_order_relaxed);
    done_at_.store(0, std::memory_order_relaxed);
    escapes_ = 0;
    if (os::signal_stack() < os::signal_stack_bytes / 2) os::set_signal_stack(first_stack_, sizeof first_stack_);
    crash_stack::wanted.store(true, std::memory_order_relaxed);
    os::walk_stack([](std::uintptr_t) { return true; });  // loads what it needs, which a handler could not
    Dl_info known{};
    ::dladdr(reinterpret_cast<void*>(&handle), &known);
    static_cast<void>(os::modules_generation::now());
    ::sigsetjmp(way_out_, 0);

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
  static constexpr int most_escapes = 8;                         // leaving the report may crash as well
  static constexpr std::int64_t longest_report = 2'000'000'000;  // ns
  static constexpr std::int64_t longest_death = 5'000'000'000;   // from the report to the end; ASan's takes its time

  static void handle(int signal, siginfo_t* info, void* context) {
    int const error = errno;
    std::size_t which = 0;
    while (os::fault_signals[which] != signal) ++which;
    if (process_ == ::getpid()) {  // a child that the host has forked is none of ours to report
      if (info->si_code <= 0 && info->si_code != SI_TIMER && before_[which].sa_handler == SIG_IGN) return;  // no crash
      bool const timed_out = info->si_code == SI_TIMER && info->si_value.sival_ptr == &way_out_;
      auto const me = static_cast<std::uint32_t>(os::thread_id());
      std::uint32_t first = 0;
      // acq_rel: pairs with that of another thread, which must see that it is not the first
      if (timed_out || !reporter_.compare_exchange_strong(first, me, std::memory_order_acq_rel)) {
        if (!timed_out && first != me) {
          let_the_first_die();
        } else if (done_at_.load(std::memory_order_relaxed) == 0 && ++escapes_ <= most_escapes) {
          // The report itself has crashed, or takes too long: what there is must do.
          ::siglongjmp(way_out_, timed_out ? time_is_up : 1);
        } else if (timed_out) {
          return;
        }  // or what the handler of before does next: abort, mostly
      } else {
        report(signal, *info, context);
        done_at_.store(os::monotonic_ns(), std::memory_order_relaxed);
      }
    }
    ::sigaction(signal, &before_[which], nullptr);
    os::signal_again(signal, *info);
    errno = error;
  }

  /// Another thread was first, and its signal is to be the one that the process dies of. Where a handler of the host's
  /// keeps it from dying, this thread goes on in the end.
  static void let_the_first_die() noexcept {
    std::int64_t const came_at = os::monotonic_ns();
    for (;;) {
      std::int64_t const now = os::monotonic_ns(), done_at = done_at_.load(std::memory_order_relaxed);
      if (done_at == 0 ? now - came_at > 2 * longest_report : now - done_at > longest_death) return;
      timespec const moment{0, 5'000'000};
      ::nanosleep(&moment, nullptr);
    }
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
    int volatile step = 0;  // one that has crashed is left out, and the next one tried
    if (::sigsetjmp(way_out_, 0) != time_is_up) {
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
        find_modules(record);
      }
      if (step == 3) {
        step = 4;
        name_frames(record);  // last: the loader may be in use by a thread that will not let go of it
      }
      if (step == 4) slot.crash.store(crash_record::complete, std::memory_order_release);
    }
    os::stop_thread_timer(timer);
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

  static std::uintptr_t instruction(crash_record const& record, std::uint32_t frame) noexcept {
    return static_cast<std::uintptr_t>(record.frames[frame].address) -
           (frame == 0 ? 0 : 1);  // the call, not what is behind
  }

  /// Where each frame is as any process can tell: its module's path, and where that begins.
  static void find_modules(crash_record& record) noexcept {
    text_used_ = modules_known_ = 0;
    // Takes a lock that nobody holds for long, unlike dladdr's.
    ::dl_iterate_phdr(
        [](dl_phdr_info* module, std::size_t, void* data) {
          look_in(*module, *static_cast<crash_record*>(data));
          return 0;
        },
        &record);
  }

  static void look_in(dl_phdr_info const& module, crash_record& record) noexcept {
    std::uintptr_t base = ~std::uintptr_t{0};
    for (unsigned i = 0; i < module.dlpi_phnum; ++i) {
      auto const& part = module.dlpi_phdr[i];
      if (part.p_type == PT_LOAD)
        base = std::min<std::uintptr_t>(base, (module.dlpi_addr + part.p_vaddr) / 4096 * 4096);
    }
    std::uint16_t index = 0;
    for (std::uint32_t f = 0; f < record.frames_known; ++f) {
      for (unsigned i = 0; i < module.dlpi_phnum; ++i) {
        auto const& part = module.dlpi_phdr[i];
        if (part.p_type != PT_LOAD || instruction(record, f) - (module.dlpi_addr + part.p_vaddr) >= part.p_memsz)
          continue;
        if (index == 0) {
          std::uint16_t const path =
              modules_known_ == crash_record::most_modules ? 0 : add_path(record, module.dlpi_name);
          if (path == 0) return;
          record.modules[modules_known_++] = {base, path, {}};
          index = static_cast<std::uint16_t>(modules_known_);
        }
        record.frames[f].module = index;
      }
    }
  }

  /// For modules whose file will be gone.
  static void name_frames(crash_record& record) noexcept {
    for (std::uint32_t i = 0; i < record.frames_known; ++i) {
      Dl_info known{};
      auto& frame = record.frames[i];
      if (frame.module == 0 || ::dladdr(reinterpret_cast<void*>(instruction(record, i)), &known) == 0) continue;
      if (known.dli_sname == nullptr) continue;
      frame.function = reinterpret_cast<std::uintptr_t>(known.dli_saddr);
      frame.name = add_text(record, "", "", known.dli_sname);
    }
  }

  /// Three pieces as one string: 1 + where it is, or 0 where it does not fit.
  static std::uint16_t add_text(crash_record& record, char const* first, char const* second,
                                char const* third) noexcept {
    std::size_t const before = std::strlen(first), middle = before + std::strlen(second);
    std::size_t const all = middle + std::strlen(third);
    if (all >= crash_record::text_bytes - text_used_) return 0;
    char* const to = record.text + text_used_;
    std::memcpy(to, first, before);
    std::memcpy(to + before, second, middle - before);
    std::memcpy(to + middle, third, all - middle);
    to[all] = '\0';
    text_used_ += all + 1;
    return static_cast<std::uint16_t>(text_used_ - all);
  }

  static std::uint16_t add_path(crash_record& record, char const* path) noexcept {
    char buffer[1024];
    if (path == nullptr || *path == '\0') {
      auto const n = ::readlink("/proc/self/exe", buffer, sizeof buffer - 1);
      buffer[n > 0 ? n : 0] = '\0';
      return add_text(record, "", "", n > 0 ? buffer : "program");
    }
    // One without any slash is no path: linux-vdso.so.1
    bool const relative = path[0] != '/' && std::strchr(path, '/') != nullptr;
    return relative && ::getcwd(buffer, sizeof buffer) != nullptr ? add_text(record, buffer, "/", path)
                                                                  : add_text(record, "", "", path);
  }

  static inline constinit pid_t process_ = 0;
  static inline constinit member_slot* slot_ = nullptr;
  static inline constinit std::atomic<std::uint32_t> reporter_{0};  // the TID of the thread that crashed first
  static inline constinit std::atomic<std::int64_t> done_at_{0};    // when its report was written
  static inline constinit std::size_t text_used_ = 0, modules_known_ = 0;
  static inline struct sigaction before_[std::size(os::fault_signals)]{};
  static inline sigjmp_buf way_out_;
  static inline constinit int escapes_ = 0;
  alignas(16) static inline std::byte first_stack_[os::signal_stack_bytes];
};

}  // namespace tandem::impl

#endif  // TANDEM_EXECUTION_IMPL_CRASH_REPORTER_HPP
