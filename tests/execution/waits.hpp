// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_TESTS_EXECUTION_WAITS_HPP
#define TANDEM_TESTS_EXECUTION_WAITS_HPP

#include <unistd.h>  // for read

#include <atomic>   // for atomic
#include <cstddef>  // for size_t
#include <string>   // for string
#include <thread>   // for yield

namespace tandem_test {

/// Until a counter that others raise has come to `value`.
inline void wait_for(std::atomic<int> const& count, int value = 1) {
  while (count.load() < value) std::this_thread::yield();
}

/// All that comes out of a descriptor, to its end.
inline std::string read_all(int descriptor) {
  std::string text;
  char part[4096];
  for (ssize_t n; (n = ::read(descriptor, part, sizeof part)) > 0;) text.append(part, static_cast<std::size_t>(n));
  return text;
}

}  // namespace tandem_test

#endif  // TANDEM_TESTS_EXECUTION_WAITS_HPP
