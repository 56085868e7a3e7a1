// SPDX-License-Identifier: BSL-1.0
// The start methods, for test bodies that must hold for all of them.
#ifndef TANDEM_TESTS_EXECUTION_STARTS_HPP
#define TANDEM_TESTS_EXECUTION_STARTS_HPP

#include <optional>  // for optional
#include <ostream>   // for ostream
#include <thread>    // for yield

#include "support/build_kind.hpp"
#include "support/catch.hpp"
#include "tandem/execution/options.hpp"
#include "tandem/execution/zygote.hpp"

namespace tandem_test {

enum class by { fork, zygote, spare, exec };

inline std::ostream& operator<<(std::ostream& out, by how) {
  constexpr char const* names[] = {"fork", "zygote", "spare", "exec"};
  return out << names[static_cast<int>(how)];
}

/// Ready to start processes by one method; a zygote lives as long as this does.
class start_method {
 public:
  explicit start_method(by how) : how_(how) {
    if (how == by::zygote) zygote_.emplace();
    if (how == by::spare) zygote_.emplace(tandem::zygote::options{.spares = 2});
  }

  operator tandem::start() {
    if (how_ == by::spare) {  // so that it is one that is woken
      while (zygote_->ready() == 0) std::this_thread::yield();
    }
    if (zygote_) return *zygote_;
    return how_ == by::exec ? tandem::start::exec : tandem::start::fork;
  }

 private:
  by how_;
  std::optional<tandem::zygote> zygote_;
};

/// In a test case: its body runs once for each. (ThreadSanitizer makes a fork of the vfork before an exec.)
#define TANDEM_TEST_EACH_START(name)                                                                           \
  auto const name##_by =                                                                                       \
      GENERATE(tandem_test::by::fork, tandem_test::by::zygote, tandem_test::by::spare, tandem_test::by::exec); \
  CAPTURE(name##_by);                                                                                          \
  if (tandem_test::thread_sanitized && name##_by == tandem_test::by::exec) return;                             \
  tandem_test::start_method name(name##_by)

}  // namespace tandem_test

#endif  // TANDEM_TESTS_EXECUTION_STARTS_HPP
