// SPDX-License-Identifier: BSL-1.0
// What the stages do, be their units threads or processes: nothing in here knows.
#ifndef TANDEM_EXAMPLES_LOGLAB_STAGES_HPP
#define TANDEM_EXAMPLES_LOGLAB_STAGES_HPP

#include <algorithm>      // for sort
#include <csignal>        // for raise, signal
#include <cstddef>        // for size_t
#include <cstdint>        // for uint32_t, uint64_t
#include <optional>       // for nullopt, optional
#include <stdexcept>      // for runtime_error
#include <string>         // for string, to_string
#include <string_view>    // for hash, string_view
#include <unordered_map>  // for unordered_map
#include <utility>        // for move, pair
#include <vector>         // for vector

#include <tandem/tandem.hpp>

#include "files.hpp"
#include "lines.hpp"
#include "parse.hpp"

namespace loglab {

/// A line that is no line of a log, or (number 0) a file that could not be read.
struct note {
  std::uint32_t file;
  std::uint64_t number;
  std::string text;
};

/// What a line comes to: its values, each behind its field's byte and with a line feed; or a note.
struct entry {
  std::string values;
  std::optional<note> why_not = std::nullopt;
};

/// Thrown with --strict.
struct malformed_line : std::runtime_error {
  using runtime_error::runtime_error;
};

/// The second stage.
struct parser {
  std::vector<file> files;  // for words
  format how;
  std::vector<field> wanted;
  bool strict;
  std::uint64_t crash_at;  // a line's number; 0: never

  entry operator()(line const& one) const {
    if (one.number == 0) return {{}, note{one.file, 0, one.text}};
    if (one.number == crash_at) crash();
    record fields;
    if (!parse_as(how, one.text, fields)) {
      if (strict)
        throw malformed_line(files[one.file].path + ":" + std::to_string(one.number) +
                             ": no line of a log: " + shown(one.text));
      return {{}, note{one.file, one.number, shown(one.text)}};
    }
    entry made;
    for (auto const is : wanted) {
      auto const append = [&](std::string_view value) {
        made.values += static_cast<char>(is);
        made.values.append(value) += '\n';
      };
      if (is == field::word)
        for_each_word(one.text, append);
      else if (!fields[is].empty())
        append(fields[is]);
    }
    return made;
  }

  static std::string shown(std::string_view text) {
    constexpr std::size_t most = 60;
    auto part = std::string(text.substr(0, most));
    for (char& c : part)
      if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') c = '?';
    return part + (text.size() > most ? "..." : "");
  }

  /// As a parser does that follows a wild pointer.
  [[noreturn]] static void crash() {
    std::raise(SIGSEGV);
    std::abort();
  }
};

/// How often each value came, and what did not fit.
struct tally {
  std::vector<std::pair<std::string, std::uint64_t>> counts;
  std::uint64_t lines = 0, malformed = 0;
  std::vector<note> first_malformed;
  std::vector<note> problems;
};

class counter {
 public:
  static constexpr std::size_t most_shown = 5;

  void add(entry one) {
    if (one.why_not) return add(std::move(*one.why_not));
    ++sum_.lines;
    std::string_view rest = one.values;
    while (!rest.empty()) {
      auto const end = rest.find('\n');
      add(rest.substr(0, end), 1);
      rest.remove_prefix(end + 1);
    }
  }

  void add(tally const& other) {
    for (auto const& [value, times] : other.counts) add(value, times);
    sum_.lines += other.lines;
    sum_.malformed += other.malformed;
    for (auto const& one : other.first_malformed) keep(sum_.first_malformed, one);
    sum_.problems.insert(sum_.problems.end(), other.problems.begin(), other.problems.end());
  }

  tally take() && {
    sum_.counts.reserve(counts_.size());
    for (auto& [value, times] : counts_) sum_.counts.emplace_back(value, times);
    return std::move(sum_);
  }

 private:
  struct hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };

  void add(std::string_view value, std::uint64_t times) {
    auto const at = counts_.find(value);
    if (at != counts_.end())
      at->second += times;
    else
      counts_.emplace(value, times);
  }

  void add(note why) {
    if (why.number == 0) {
      sum_.problems.push_back(std::move(why));
    } else {
      ++sum_.lines, ++sum_.malformed;
      keep(sum_.first_malformed, std::move(why));
    }
  }

  /// The first few, by file and line: several parsers send theirs in no order.
  static void keep(std::vector<note>& first, note why) {
    auto const before = [](note const& a, note const& b) {
      return std::pair(a.file, a.number) < std::pair(b.file, b.number);
    };
    first.insert(std::upper_bound(first.begin(), first.end(), why, before), std::move(why));
    if (first.size() > most_shown) first.pop_back();
  }

  tally sum_;
  std::unordered_map<std::string, std::uint64_t, hash, std::equal_to<>> counts_;
};

/// The third stage: each of its units sends one tally, at the end.
inline void count(tandem::inlet<entry>& in, tandem::outlet<tally>& out) {
  counter all;
  while (auto one = in.pop()) all.add(std::move(*one));
  out.push(std::move(all).take());
}

}  // namespace loglab

#endif  // TANDEM_EXAMPLES_LOGLAB_STAGES_HPP
