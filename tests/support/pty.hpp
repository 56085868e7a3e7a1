// SPDX-License-Identifier: BSL-1.0
// A terminal for a program under test: the kernel's own line discipline turns the keys into signals.
#ifndef TANDEM_TESTS_SUPPORT_PTY_HPP
#define TANDEM_TESTS_SUPPORT_PTY_HPP

#include <sys/types.h>  // for pid_t

#include <functional>  // for function
#include <string>      // for string

#include "support/child.hpp"

namespace tandem_test {

/// A program in a session of its own, whose controlling terminal, with standard input, output and error, is a fresh
/// pseudo-terminal, in the foreground of which it is. As a shell does, the session's leader stays until the destructor,
/// so that the program's end hangs nothing up. What is left of the program then is killed.
class on_terminal {
 public:
  explicit on_terminal(std::function<void()> const& program);
  on_terminal(on_terminal const&) = delete;
  ~on_terminal();

  /// The program.
  pid_t id() const { return id_; }

  /// Types: "\x03" is Ctrl-C, "\x1c" Ctrl-\ .
  void type(std::string const& keys) const;

  /// Reads what is printed until `words` have come; false: they did not, and the program has ended.
  bool prints(std::string const& words);

  /// Waits for the program's end, and says how it ended.
  child_result wait();

  /// What was printed, as far as it was read; all of it after wait().
  std::string const& text() const { return text_; }

 private:
  bool read_more(int patience_ms);

  int master_ = -1;
  int news_ = -1;  // from the leader: the program's number, then how it ended
  int stay_ = -1;  // to the leader, which stays as long as this is open
  pid_t id_ = 0;
  std::string text_;
  child_process leader_;
};

}  // namespace tandem_test

#endif  // TANDEM_TESTS_SUPPORT_PTY_HPP
