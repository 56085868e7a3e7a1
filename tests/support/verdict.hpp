// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_TESTS_SUPPORT_VERDICT_HPP
#define TANDEM_TESTS_SUPPORT_VERDICT_HPP

#include <string>   // for string
#include <utility>  // for move

namespace tandem_test {

/// What a check found: fine, or a complaint in words. A check may return a bool, or a string, which is empty where all
/// is fine.
class verdict {
 public:
  verdict(bool fine) : complaint_(fine ? "" : "the check returned false") {}
  verdict(std::string complaint) : complaint_(std::move(complaint)) {}
  verdict(char const* complaint) : complaint_(complaint) {}

  bool fine() const { return complaint_.empty(); }
  std::string const& complaint() const { return complaint_; }

 private:
  std::string complaint_;
};

}  // namespace tandem_test

#endif  // TANDEM_TESTS_SUPPORT_VERDICT_HPP
