// SPDX-License-Identifier: BSL-1.0
// Ways to crash, for the tests of what is told of it.
#ifndef TANDEM_TESTS_EXECUTION_CRASHES_HPP
#define TANDEM_TESTS_EXECUTION_CRASHES_HPP

#include <signal.h>
#include <sys/resource.h>

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <string>

#include "execution/starts.hpp"
#include "support/build_kind.hpp"
#include "support/catch.hpp"
#include "tandem/config.hpp"
#include "tandem/core/failure.hpp"
#include "tandem/execution/process.hpp"
#include "tandem/os/fault.hpp"

namespace tandem_test {

[[gnu::noinline, gnu::no_sanitize_address]] inline void write_to(int volatile* where) {
  *where = 1;
  asm("");
}

[[gnu::noinline]] inline int overflow(int depth) {
  int volatile room[256];
  room[depth % 256] = depth;
  if (depth < 0) return 0;
  return overflow(depth + 1) + room[depth % 256];
}

[[gnu::noinline]] TANDEM_NO_SANITIZE inline void divide(int by) {
  asm("" : "+r"(by));
  int volatile result = 1000 / by;
  static_cast<void>(result);
}

inline void spin(long turns) {
  for (; turns > 0; --turns) asm volatile("");
}

inline void no_core() {
  rlimit const none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
}
inline void quiet() {
  no_core();
  static_cast<void>(!std::freopen("/dev/null", "w", stderr));
}

/// A process that runs `body` and reports; how it failed.
template <class F> tandem::failure crash(F body, bool report = true, tandem::start start = tandem::start::fork) {
  tandem::process worker{{.name = "doomed", .start = start, .report_crash = report}, [body] {
                           quiet();
                           body();
                         }};
  auto result = worker.join();
  REQUIRE_FALSE(result.has_value());
  return result.error();
}

/// What the backtrace says, but for the frames of the system's libraries.
inline std::string text_of(tandem::failure const& failed) {
  INFO(failed.to_string());
  REQUIRE(failed.crash());
  return failed.crash()->to_string();
}

/// AddressSanitizer has handlers of its own, which ours would hand the signal to, and they decide how the process ends.
/// While this lives there are none of them, here and in all that is forked.
class plain_signals {
 public:
  plain_signals() {
    for (std::size_t i = 0; i < std::size(before_); ++i) {
      struct sigaction plain {};
      plain.sa_handler = SIG_DFL;
      ::sigaction(tandem::os::fault_signals[i], &plain, &before_[i]);
    }
  }
  plain_signals(plain_signals const&) = delete;
  ~plain_signals() {
    for (std::size_t i = 0; i < std::size(before_); ++i)
      ::sigaction(tandem::os::fault_signals[i], &before_[i], nullptr);
  }

 private:
  struct sigaction before_[std::size(tandem::os::fault_signals)]{};
};

// ThreadSanitizer keeps the signals to itself, and hands them on when it likes.
#define TANDEM_TEST_NEEDS_SIGNALS()                                   \
  if (thread_sanitized) {                                             \
    WARN("SKIP(crash signals): ThreadSanitizer handles them itself"); \
    return;                                                           \
  }                                                                   \
  plain_signals const no_sanitizers_handlers

// A program that was run afresh has the sanitizer's handlers again.
#define TANDEM_TEST_EACH_PLAIN_START(name) \
  TANDEM_TEST_NEEDS_SIGNALS();             \
  TANDEM_TEST_EACH_START(name);            \
  if (address_sanitized && name##_by == by::exec) return

}  // namespace tandem_test

#endif  // TANDEM_TESTS_EXECUTION_CRASHES_HPP
