// SPDX-License-Identifier: BSL-1.0
// A stack for the crash handlers of a thread whose own may be at its end, in a process that reports its crashes.
#ifndef TANDEM_EXECUTION_IMPL_CRASH_STACK_HPP
#define TANDEM_EXECUTION_IMPL_CRASH_STACK_HPP

#include <atomic>   // for atomic
#include <cstddef>  // for byte

#include "tandem/config.hpp"           // for TANDEM_NOINLINE
#include "tandem/os/mapping.hpp"       // for map_private, unmap
#include "tandem/os/signal_stack.hpp"  // for signal_stack, set_signal_stack, drop_signal_stack

namespace tandem::impl {

/// The calling thread's, as long as this lives. None where nothing reports crashes, where the thread has one already,
/// and where there is no memory: then an overflow of the thread's stack is not reported.
class crash_stack {
 public:
  crash_stack() noexcept {
    if (wanted.load(std::memory_order_relaxed)) take();  // set before any thread of this process was started
  }
  crash_stack(crash_stack const&) = delete;
  crash_stack& operator=(crash_stack const&) = delete;
  ~crash_stack() {
    if (memory_ == nullptr) return;
    os::drop_signal_stack();
    os::unmap(memory_, os::signal_stack_bytes);
  }

  static inline constinit std::atomic<bool> wanted{false};

 private:
  TANDEM_NOINLINE void take() noexcept {
    if (os::signal_stack() != 0) return;
    memory_ = os::map_private(os::signal_stack_bytes);
    if (memory_ != nullptr) os::set_signal_stack(memory_, os::signal_stack_bytes);
  }

  std::byte* memory_ = nullptr;
};

}  // namespace tandem::impl

#endif  // TANDEM_EXECUTION_IMPL_CRASH_STACK_HPP
