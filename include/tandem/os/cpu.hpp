// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_OS_CPU_HPP
#define TANDEM_OS_CPU_HPP

namespace tandem::os {

/// Tells the processor that this is a spinning wait: about 25 ns on x86-64.
inline void relax() noexcept {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#else
  asm volatile("isb" ::: "memory");
#endif
}

}  // namespace tandem::os

#endif  // TANDEM_OS_CPU_HPP
