// SPDX-License-Identifier: BSL-1.0
// A test body in a forked child, for what would change this process for good: dying, giving up rights, losing system
// calls.
#ifndef TANDEM_TESTS_SUPPORT_CHILD_HPP
#define TANDEM_TESTS_SUPPORT_CHILD_HPP

#include <sys/types.h>  // for pid_t, uid_t

#include <functional>  // for function
#include <string>      // for string

namespace tandem_test {

/// How a child ended.
struct child_result {
  int exit_code = -1;   ///< -1 where a signal ended it
  int signal = 0;       ///< 0 where it exited
  std::string message;  ///< what() of an exception that left the body, or which kind of failure it was

  /// The body ran to its end, and none of its CHECKs failed.
  bool passed() const { return exit_code == 0; }

  /// One line for INFO.
  std::string to_string() const;
};

/// Runs `body` in a forked child and waits for it. CHECK and REQUIRE work in there: they print at once, and make it not
/// passed().
child_result run_in_child(std::function<void()> const& body);

/// The same as the user nobody (65534), without any privilege. Where we are not root already: as we are.
child_result as_unprivileged(std::function<void()> const& body);

inline constexpr uid_t nobody = 65534;

/// Makes this process that user, or another one, for good.
void give_up_privileges(uid_t user = nobody);

/// A forked child of a test that has not been waited for: killed and reaped by the destructor, unless join() came
/// first.
class child_process {
 public:
  child_process() = default;
  explicit child_process(std::function<void()> const& body);
  child_process(child_process&& other) noexcept;
  child_process& operator=(child_process&& other) noexcept;
  ~child_process();

  pid_t id() const { return id_; }
  bool joinable() const { return id_ > 0; }

  /// Waits for its end.
  child_result join();

  /// SIGKILL, then waits.
  child_result kill();

 private:
  pid_t id_ = 0;
  char* message_ = nullptr;  // a shared page, where the child writes before it ends
};

/// Called by the listener for each assertion that fails in this process.
void count_failed_assertion();

}  // namespace tandem_test

#endif  // TANDEM_TESTS_SUPPORT_CHILD_HPP
