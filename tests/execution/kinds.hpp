// SPDX-License-Identifier: BSL-1.0
// The two kinds of unit, for test bodies that must hold for both.
#ifndef TANDEM_TESTS_EXECUTION_KINDS_HPP
#define TANDEM_TESTS_EXECUTION_KINDS_HPP

#include <signal.h>  // for kill

#include <mutex>    // for mutex
#include <string>   // for string
#include <utility>  // for forward
#include <vector>   // for vector

#include "tandem/core/unobserved_failure.hpp"
#include "tandem/execution/process.hpp"
#include "tandem/execution/thread.hpp"

namespace tandem_test {

struct threads_only {
  template <class R> using unit = tandem::thread<R>;
  static constexpr auto mode = tandem::mode::thread;
  template <class... A> static auto start(A&&... arguments) { return tandem::thread(std::forward<A>(arguments)...); }
  template <class... A> static auto start(tandem::options how, A&&... arguments) {
    return tandem::thread(std::move(how), std::forward<A>(arguments)...);
  }
};

struct processes_only {
  template <class R> using unit = tandem::process<R>;
  static constexpr auto mode = tandem::mode::process;
  template <class... A> static auto start(A&&... arguments) { return tandem::process(std::forward<A>(arguments)...); }
  template <class... A> static auto start(tandem::options how, A&&... arguments) {
    return tandem::process(std::move(how), std::forward<A>(arguments)...);
  }
};

/// Collects unobserved failures while it lives, instead of the line on stderr.
class collected_failures {
 public:
  collected_failures() : before_(tandem::set_unobserved_failure_handler(&collect)) { all().clear(); }
  collected_failures(collected_failures const&) = delete;
  ~collected_failures() { tandem::set_unobserved_failure_handler(before_); }

  std::vector<std::string> take() {
    std::lock_guard hold(lock());
    return std::exchange(all(), {});
  }

 private:
  static std::mutex& lock() {
    static std::mutex one;
    return one;
  }
  static std::vector<std::string>& all() {
    static std::vector<std::string> texts;
    return texts;
  }
  static void collect(tandem::failure const& failed) noexcept {
    std::lock_guard hold(lock());
    all().push_back(failed.to_string());
  }

  tandem::unobserved_failure_handler before_;
};

}  // namespace tandem_test

#endif  // TANDEM_TESTS_EXECUTION_KINDS_HPP
