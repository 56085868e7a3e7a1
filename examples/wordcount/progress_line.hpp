// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_EXAMPLES_WORDCOUNT_PROGRESS_LINE_HPP
#define TANDEM_EXAMPLES_WORDCOUNT_PROGRESS_LINE_HPP

#include <unistd.h>  // for isatty, STDERR_FILENO

#include <cstdint>  // for uint64_t
#include <cstdio>   // for fprintf, fputs

namespace wordcount {

/// One line on stderr that says how far the work is: on a terminal only, and gone in the end.
class progress_line {
 public:
  explicit progress_line(std::uint64_t total) : total_(total), shown_(::isatty(STDERR_FILENO) != 0 && total != 0) {}
  progress_line(progress_line const&) = delete;
  ~progress_line() { erase(); }

  void show(std::uint64_t done) {
    if (!shown_) return;
    double const mb = 1e-6;
    std::fprintf(stderr, "\r%3.0f %%  %.1f of %.1f MB", 100.0 * static_cast<double>(done) / static_cast<double>(total_),
                 static_cast<double>(done) * mb, static_cast<double>(total_) * mb);
    written_ = true;
  }

  void erase() {
    if (written_) std::fputs("\r\033[K", stderr);
    written_ = false;
  }

 private:
  std::uint64_t total_;
  bool shown_;
  bool written_ = false;
};

}  // namespace wordcount

#endif  // TANDEM_EXAMPLES_WORDCOUNT_PROGRESS_LINE_HPP
