// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_CORE_CRASH_REPORT_HPP
#define TANDEM_CORE_CRASH_REPORT_HPP

#include <csignal>      // for SIGSEGV, SIGBUS
#include <cstddef>      // for size_t
#include <cstdint>      // for uintptr_t
#include <string>       // for string, to_string
#include <string_view>  // for string_view
#include <vector>       // for vector

#include "tandem/core/impl/signal_name.hpp"  // for signal_name

namespace tandem {

/// What a crashing process wrote about itself, where `options.report_crash` asked for it. It comes from a process that
/// was already out of order: a hint for people, not a fact for programs.
/// @par Shared memory         No.
/// @par Threads and processes A value: concurrent reads are fine. Transferable.
/// @par Peer death            Does not concern it.
struct crash_report {
  int signal = 0;                    ///< SIGSEGV, SIGABRT, ...
  int code = 0;                      ///< si_code: what kind of it
  std::uintptr_t fault_address = 0;  ///< what it tried to touch, for SIGSEGV and SIGBUS
  /// Innermost first: "module(function+0x1f) [0x1234]", "module+0x1234" where the function is not known, or an address
  /// that is in no module. 0x1234 is the offset in the module, as addr2line takes it.
  std::vector<std::string> backtrace = {};
  int thread = 0;                ///< the TID of the thread that crashed
  std::string thread_name = {};  ///< its name as ps and top show it: of 15 bytes
  bool truncated = false;        ///< the process came to its end before it had told all

  /// The innermost function that is not the C or C++ library's own, as in the backtrace: whose crash it is, mostly.
  /// Empty where none is known, and where the compiler has made a workload part of tandem's own functions.
  std::string function() const {
    for (auto const& line : backtrace) {
      auto const open = line.find('('), end = line.rfind("+0x", line.rfind(')'));
      if (open == std::string::npos || end == std::string::npos || end <= open + 1) continue;
      auto const module = std::string_view(line).substr(line.rfind('/', open) + 1);  // npos + 1: from its beginning
      bool own = true;
      for (char const* const name : {"libc.", "libc-", "libstdc++.", "libc++", "libgcc_s.", "libpthread", "ld-linux",
                                     "ld-musl", "libasan.", "libtsan.", "libubsan."})
        own = own && !module.starts_with(name);
      if (!own) continue;
      auto name = line.substr(open + 1, end - open - 1);
      return name.find("tandem::impl::") == std::string::npos ? name : std::string();
    }
    return {};
  }

  /// Some lines of text, for people.
  std::string to_string() const {
    constexpr char digits[] = "0123456789abcdef";
    std::string text = impl::signal_name(signal);
    if (code > 0 && (signal == SIGSEGV || signal == SIGBUS)) {
      std::string address;
      std::uintptr_t rest = fault_address;
      do address.insert(address.begin(), digits[rest % 16]);
      while ((rest /= 16) != 0);
      text += " at address 0x" + address;
    }
    text += " in thread " + std::to_string(thread);
    if (!thread_name.empty()) text += " (" + thread_name + ")";
    text += "\n";
    for (std::size_t i = 0; i < backtrace.size(); ++i)
      text += (i < 10 ? "  #" : " #") + std::to_string(i) + " " + backtrace[i] + "\n";
    if (truncated) text += "  (the process died before it had told all)\n";
    return text;
  }

  friend bool operator==(crash_report const&, crash_report const&) = default;
};

}  // namespace tandem

#endif  // TANDEM_CORE_CRASH_REPORT_HPP
