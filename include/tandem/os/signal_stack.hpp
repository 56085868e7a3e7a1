// SPDX-License-Identifier: BSL-1.0
// sigaltstack(2): where a thread's handlers run whose own stack is at its end.
#ifndef TANDEM_OS_SIGNAL_STACK_HPP
#define TANDEM_OS_SIGNAL_STACK_HPP

#include <signal.h>  // for sigaltstack, stack_t, SS_DISABLE

#include <cstddef>  // for byte, size_t

namespace tandem::os {

/// Enough for a handler that unwinds the stack and asks the loader.
inline constexpr std::size_t signal_stack_bytes = std::size_t{64} << 10;

/// How large the calling thread's is; 0 where it has none.
inline std::size_t signal_stack() noexcept {
  stack_t now{};
  return ::sigaltstack(nullptr, &now) == 0 && (now.ss_flags & SS_DISABLE) == 0 ? now.ss_size : 0;
}

/// Gives the calling thread one. 0, or -1 and errno.
inline int set_signal_stack(std::byte* at, std::size_t bytes) noexcept {
  stack_t wanted{};
  wanted.ss_sp = at;
  wanted.ss_size = bytes;
  return ::sigaltstack(&wanted, nullptr);
}

/// Takes it away from the calling thread. 0, or -1 and errno.
inline int drop_signal_stack() noexcept {
  stack_t none{};
  none.ss_flags = SS_DISABLE;
  return ::sigaltstack(&none, nullptr);
}

}  // namespace tandem::os

#endif  // TANDEM_OS_SIGNAL_STACK_HPP
