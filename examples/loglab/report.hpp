// SPDX-License-Identifier: BSL-1.0
// What is printed in the end.
#ifndef TANDEM_EXAMPLES_LOGLAB_REPORT_HPP
#define TANDEM_EXAMPLES_LOGLAB_REPORT_HPP

#include <unistd.h>  // for STDOUT_FILENO, write

#include <algorithm>    // for max, min, partial_sort, sort
#include <cerrno>       // for EINTR, errno
#include <cstddef>      // for size_t
#include <cstdint>      // for uint64_t
#include <string>       // for string, to_string
#include <string_view>  // for string_view
#include <utility>      // for pair
#include <vector>       // for vector

#include "parse.hpp"
#include "stages.hpp"

namespace loglab {

/// Writes all of it to standard output: 0, or the errno.
inline int write_out(std::string_view text) {
  while (!text.empty()) {
    auto const n = ::write(STDOUT_FILENO, text.data(), text.size());
    if (n >= 0)
      text.remove_prefix(static_cast<std::size_t>(n));
    else if (errno != EINTR)
      return errno;
  }
  return 0;
}

using counted = std::pair<std::string_view, std::uint64_t>;

/// The counts of a field: the most frequent first.
inline std::vector<counted> ranking(tally const& all, field of, std::size_t top) {
  std::vector<counted> found;
  for (auto const& [value, times] : all.counts)
    if (value[0] == static_cast<char>(of)) found.emplace_back(std::string_view(value).substr(1), times);
  auto const end = found.begin() + static_cast<std::ptrdiff_t>(top == 0 ? found.size() : std::min(top, found.size()));
  std::partial_sort(found.begin(), end, found.end(), [](counted const& a, counted const& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  });
  found.erase(end, found.end());
  return found;
}

/// "COUNT VALUE" for one field, as `sort | uniq -c | sort` has it; a paragraph for each of several.
inline std::string to_text(tally const& all, std::vector<field> const& wanted, std::size_t top, bool plain) {
  std::string text;
  for (auto const of : wanted) {
    auto found = ranking(all, of, of == field::hour && !plain ? 0 : top);
    if (plain) {
      for (auto const& [value, times] : found)
        text.append(std::to_string(times)).append(" ").append(value).append("\n");
      continue;
    }
    if (found.empty()) continue;
    text.append(text.empty() ? "" : "\n").append(name_of(of)).append("\n");
    std::uint64_t const most = found.front().second;
    auto const width = std::to_string(most).size();
    if (of == field::hour) std::sort(found.begin(), found.end());
    for (auto const& [value, times] : found) {
      auto const number = std::to_string(times);
      text.append(2 + width - number.size(), ' ').append(number).append("  ").append(value);
      if (of == field::hour) text.append(" ").append(static_cast<std::size_t>(50 * times / most), '#');
      text += '\n';
    }
  }
  return text;
}

}  // namespace loglab

#endif  // TANDEM_EXAMPLES_LOGLAB_REPORT_HPP
