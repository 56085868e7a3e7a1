// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_EXAMPLES_PLUGIN_HOST_TASK_HPP
#define TANDEM_EXAMPLES_PLUGIN_HOST_TASK_HPP

#include <unistd.h>  // for isatty, STDERR_FILENO

#include <chrono>   // for milliseconds
#include <cstddef>  // for size_t
#include <cstdio>   // for fprintf, fputs
#include <string>   // for string
#include <vector>   // for vector

namespace plugin_host {

inline constexpr std::size_t summary_bytes = 240;

/// What is to be done.
struct task {
  std::vector<std::string> plugins;  // paths
  std::vector<std::string> files;
  std::chrono::milliseconds timeout{1000};
  unsigned jobs = 1;
};

/// One line on stderr that says how far the work is: on a terminal only, and gone in the end.
class progress {
 public:
  progress() = default;
  progress(progress const&) = delete;
  ~progress() { erase(); }

  void show(std::string const& plugin, std::size_t done, std::size_t all) {
    if (!shown_) return;
    std::fprintf(stderr, "\r\033[K%s: %zu of %zu files", plugin.c_str(), done, all);
    written_ = true;
  }

  void erase() {
    if (written_) std::fputs("\r\033[K", stderr);
    written_ = false;
  }

 private:
  bool shown_ = ::isatty(STDERR_FILENO) != 0;
  bool written_ = false;
};

inline std::string megabytes(double bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f MB", bytes * 1e-6);
  return text;
}

}  // namespace plugin_host

#endif  // TANDEM_EXAMPLES_PLUGIN_HOST_TASK_HPP
