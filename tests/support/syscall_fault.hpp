// SPDX-License-Identifier: BSL-1.0
// System calls that fail as they would on an older kernel or in a stricter container: a seccomp filter answers with the
// errno given.
#ifndef TANDEM_TESTS_SUPPORT_SYSCALL_FAULT_HPP
#define TANDEM_TESTS_SUPPORT_SYSCALL_FAULT_HPP

#include <sys/syscall.h>  // for SYS_futex_waitv and the like, which callers name

#include <cstdint>      // for uint32_t
#include <functional>   // for function
#include <optional>     // for optional
#include <string_view>  // for string_view
#include <vector>       // for vector

#include "support/child.hpp"

namespace tandem_test {

/// One system call that fails: {SYS_futex_waitv, ENOSYS}.
struct syscall_fault {
  long number;
  int error;

  /// Where set, only calls whose argument `index` has `value` in the bits of `mask` fail:
  /// {SYS_memfd_create, EINVAL, {{.index = 1, .mask = MFD_EXEC, .value = MFD_EXEC}}}. The low 32 bits are compared.
  struct argument {
    int index = 0;
    std::uint32_t mask = ~0U;
    std::uint32_t value = 0;
  };
  std::optional<argument> only_if = std::nullopt;
};

/// What Linux 5.4, the oldest that the library supports, lacks of what the library uses where it is there.
std::vector<syscall_fault> kernel_5_4();

/// From here on these calls fail in this process, in all its threads, and in its children: for good.
/// @throws std::system_error where the kernel refuses a filter.
void inject(std::vector<syscall_fault> const& faults);

/// Runs `body` in a forked child in which these calls fail.
child_result run_with_fault(std::vector<syscall_fault> const& faults, std::function<void()> const& body);

/// "clone3=ENOSYS,pidfd_open=EPERM", or "kernel-5.4", as in TANDEM_TEST_FAULT, which injects faults into a whole test
/// binary.
/// @throws std::invalid_argument naming the word it does not know.
std::vector<syscall_fault> faults_from_string(std::string_view text);

}  // namespace tandem_test

#endif  // TANDEM_TESTS_SUPPORT_SYSCALL_FAULT_HPP
