// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_CORE_CRASH_REPORT_HPP
#define TANDEM_CORE_CRASH_REPORT_HPP

#include <cstdint>  // for uintptr_t
#include <string>   // for string
#include <vector>   // for vector

namespace tandem {

/// What a crashing process wrote about itself, where `options.report_crash` asked for it. It comes from a process that
/// was already out of order: a hint for people, not a fact for programs.
/// @par Shared memory         No.
/// @par Threads and processes A value: concurrent reads are fine. Transferable.
/// @par Peer death            Does not concern it.
struct crash_report {
  int signal = 0;                      ///< SIGSEGV, SIGABRT, ...
  int code = 0;                        ///< si_code: what kind of it
  std::uintptr_t fault_address = 0;    ///< what it tried to touch, for SIGSEGV and SIGBUS
  std::vector<std::string> backtrace;  ///< innermost first: module, function where known, offset

  friend bool operator==(crash_report const&, crash_report const&) = default;
};

}  // namespace tandem

#endif  // TANDEM_CORE_CRASH_REPORT_HPP
