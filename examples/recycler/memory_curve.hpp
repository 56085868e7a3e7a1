// SPDX-License-Identifier: BSL-1.0
// How much memory the workers have, task by task; and how that is drawn.
#ifndef RECYCLER_MEMORY_CURVE_HPP
#define RECYCLER_MEMORY_CURVE_HPP

#include <algorithm>     // for max
#include <cerrno>        // for errno
#include <cstdint>       // for uint64_t
#include <cstdio>        // for fflush, fputs, pclose, popen, FILE
#include <map>           // for map
#include <memory>        // for unique_ptr
#include <stdexcept>     // for runtime_error
#include <string>        // for string, to_string
#include <system_error>  // for generic_category
#include <vector>        // for vector

namespace recycler {

/// One run's memory: the sum over its workers, in bytes, after each task.
class memory_curve {
 public:
  explicit memory_curve(std::string title) : title_(std::move(title)) {}

  /// `worker` has so much now. Threads, which have it together, are one worker here.
  void add(std::string const& worker, std::uint64_t bytes) {
    auto& its = latest_[worker];
    total_ += bytes - its;
    its = bytes;
    points_.push_back(total_);
    most_ = std::max(most_, total_);
  }

  std::string const& title() const noexcept { return title_; }
  std::vector<std::uint64_t> const& points() const noexcept { return points_; }
  std::uint64_t most() const noexcept { return most_; }

 private:
  std::string title_;
  std::map<std::string, std::uint64_t> latest_;
  std::uint64_t total_ = 0, most_ = 0;
  std::vector<std::uint64_t> points_;
};

/// A name within gnuplot's single quotes.
inline std::string quoted(std::string const& text) {
  std::string result = "'";
  for (char const c : text) result += c == '\'' ? std::string("''") : std::string(1, c);
  return result + '\'';
}

/// Has gnuplot draw the curves: into the SVG file, or on the standard output where `svg` is empty.
/// @throws std::runtime_error with what to do
inline void draw(std::vector<memory_curve> const& curves, std::string const& svg) {
  std::string script = svg.empty()
                           ? "set terminal dumb 100 24\n"
                           : "set terminal svg size 900,420 background '#ffffff'\nset output " + quoted(svg) + "\n";
  script += "set xlabel 'tasks done'\nset ylabel 'MB'\nset yrange [0:]\nset key left top\nplot ";
  for (auto const& one : curves)
    script +=
        std::string(&one == &curves.front() ? "" : ", ") + "'-' using 1:2 with lines title " + quoted(one.title());
  script += '\n';
  for (auto const& one : curves) {
    std::size_t const step = std::max<std::size_t>(1, one.points().size() / 2000);
    for (std::size_t i = 0; i < one.points().size(); i += step)
      script += std::to_string(i + 1) + ' ' + std::to_string(static_cast<double>(one.points()[i]) * 1e-6) + '\n';
    script += "e\n";
  }
  std::fflush(stdout);
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> gnuplot(::popen("exec gnuplot -", "w"), &::pclose);
  if (!gnuplot) throw std::runtime_error("gnuplot cannot be started: " + std::generic_category().message(errno));
  bool const written = std::fputs(script.c_str(), gnuplot.get()) >= 0 && std::fflush(gnuplot.get()) == 0;
  if (int const status = ::pclose(gnuplot.release()); status != 0 || !written)
    throw std::runtime_error(status == 127 << 8
                                 ? "nothing is drawn: gnuplot is not here: apt-get install gnuplot-nox, or --no-plot"
                                 : "nothing is drawn: gnuplot failed, status " + std::to_string(status));
}

}  // namespace recycler

#endif  // RECYCLER_MEMORY_CURVE_HPP
