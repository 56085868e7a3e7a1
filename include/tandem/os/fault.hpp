// SPDX-License-Identifier: BSL-1.0
// What a handler of SIGSEGV and its kin needs: where the thread was, the way there, and the signal once more. All of it
// may be called in a signal handler.
#ifndef TANDEM_OS_FAULT_HPP
#define TANDEM_OS_FAULT_HPP

#include <signal.h>       // for siginfo_t, pthread_sigmask, sigevent, SIGEV_THREAD_ID
#include <sys/syscall.h>  // for SYS_rt_tgsigqueueinfo, SYS_timer_create, ...
#include <time.h>         // for itimerspec, CLOCK_MONOTONIC
#include <ucontext.h>     // for ucontext_t
#include <unistd.h>       // for syscall, getpid
#include <unwind.h>       // for _Unwind_Backtrace

#include <cstddef>  // for size_t
#include <cstdint>  // for int64_t, uintptr_t

#include "tandem/os/clock.hpp"          // for to_timespec
#include "tandem/os/process_table.hpp"  // for thread_id

namespace tandem::os {

/// The signals of crashes.
inline constexpr int fault_signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS};

constexpr bool is_fault(int signal) noexcept {
  for (int const known : fault_signals) {
    if (known == signal) return true;
  }
  return false;
}

/// The instruction that a handler's `context` has interrupted; 0 where this is not known for the processor.
inline std::uintptr_t interrupted_at([[maybe_unused]] void const* context) noexcept {
#if defined(__x86_64__)
  return static_cast<std::uintptr_t>(static_cast<ucontext_t const*>(context)->uc_mcontext.gregs[REG_RIP]);
#elif defined(__aarch64__)
  return static_cast<std::uintptr_t>(static_cast<ucontext_t const*>(context)->uc_mcontext.pc);
#else
  return 0;
#endif
}

/// Where the interrupted function would return to if it had only just been called: who jumped to an address that is no
/// code. May crash itself, where the stack pointer leads nowhere.
inline std::uintptr_t interrupted_call([[maybe_unused]] void const* context) noexcept {
#if defined(__x86_64__)
  return *reinterpret_cast<std::uintptr_t volatile const*>(
      static_cast<ucontext_t const*>(context)->uc_mcontext.gregs[REG_RSP]);
#elif defined(__aarch64__)
  return static_cast<std::uintptr_t>(static_cast<ucontext_t const*>(context)->uc_mcontext.regs[30]);
#else
  return 0;
#endif
}

/// Calls `visit(address)` for the calling function and its callers, innermost first, until it returns false. The first
/// call in a process may load what it needs: not in a handler, then.
template <class F> void walk_stack(F visit) noexcept {
  ::_Unwind_Backtrace(
      [](_Unwind_Context* frame, void* data) {
        return (*static_cast<F*>(data))(static_cast<std::uintptr_t>(::_Unwind_GetIP(frame))) ? _URC_NO_REASON
                                                                                             : _URC_END_OF_STACK;
      },
      &visit);
}

/// Lets `signal` happen once more to the calling thread, with all that `info` tells, as soon as the handler that calls
/// this has returned. Blocks it until then.
inline void signal_again(int signal, siginfo_t const& info) noexcept {
  sigset_t one;
  ::sigemptyset(&one);
  ::sigaddset(&one, signal);
  ::pthread_sigmask(SIG_BLOCK, &one, nullptr);
  siginfo_t same = info;
  pid_t const process = ::getpid(), thread = thread_id();
  if (::syscall(SYS_rt_tgsigqueueinfo, process, thread, signal, &same) != 0)
    ::syscall(SYS_tgkill, process, thread, signal);
}

/// A timer that sends `signal` to the calling thread, with si_code SI_TIMER and `tag`, `ns` from now. 0, or -1 and
/// errno. glibc's timer_create is for other places than handlers.
inline int start_thread_timer(int signal, std::int64_t ns, void* tag, int& timer) noexcept {
  sigevent how{};
  how.sigev_notify = SIGEV_THREAD_ID;
  how.sigev_signo = signal;
  how.sigev_value.sival_ptr = tag;
  how._sigev_un._tid = thread_id();
  if (::syscall(SYS_timer_create, CLOCK_MONOTONIC, &how, &timer) != 0) return -1;
  itimerspec when{};
  when.it_value = to_timespec(ns);
  return static_cast<int>(::syscall(SYS_timer_settime, timer, 0, &when, nullptr));
}
inline void stop_thread_timer(int timer) noexcept { ::syscall(SYS_timer_delete, timer); }

}  // namespace tandem::os

#endif  // TANDEM_OS_FAULT_HPP
