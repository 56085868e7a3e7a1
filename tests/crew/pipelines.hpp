// SPDX-License-Identifier: BSL-1.0
// Stages that the tests of pipelines have in common.
#ifndef TANDEM_TESTS_CREW_PIPELINES_HPP
#define TANDEM_TESTS_CREW_PIPELINES_HPP

#include <sys/resource.h>  // for rlimit, setrlimit
#include <unistd.h>        // for _exit

#include <csignal>   // for raise, signal
#include <cstddef>   // for size_t
#include <optional>  // for optional
#include <vector>    // for vector

#include "tandem/core.hpp"
#include "tandem/crew/inlet.hpp"
#include "tandem/crew/outlet.hpp"

namespace tandem_test {

/// The numbers below `end`, as a first stage.
inline auto numbers_below(long end) {
  return [end](tandem::outlet<long>& out) {
    for (long i = 0; i < end; ++i)
      if (!out.push(i)) return;
  };
}

/// How often each came, as a last one.
inline constexpr auto count_each = [](tandem::inlet<long>& in) {
  std::vector<int> times;
  while (auto const one = in.pop()) {
    auto const at = static_cast<std::size_t>(*one);
    if (at >= times.size()) times.resize(at + 1);
    ++times[at];
  }
  return times;
};

[[noreturn]] inline void crash() {
  std::signal(SIGSEGV, SIG_DFL);  // a sanitizer has its own
  rlimit const none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  std::raise(SIGSEGV);
  ::_exit(1);
}

struct loss {
  std::optional<long> element;
  tandem::failure why;
};

}  // namespace tandem_test

#endif  // TANDEM_TESTS_CREW_PIPELINES_HPP
