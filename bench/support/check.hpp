// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_BENCH_SUPPORT_CHECK_HPP
#define TANDEM_BENCH_SUPPORT_CHECK_HPP

namespace tandem_bench {

/// Ends the program, naming the question and the peer being measured and saying what is wrong.
[[noreturn]] void wrong_result(char const* what);

/// A fast wrong answer is no answer: every peer checks what it got. One branch.
inline void check(bool right, char const* what) {
  if (__builtin_expect(!right, 0)) wrong_result(what);
}

}  // namespace tandem_bench

#endif  // TANDEM_BENCH_SUPPORT_CHECK_HPP
