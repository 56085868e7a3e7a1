// SPDX-License-Identifier: BSL-1.0
// What was found, row by row: as a table to read, or as JSON.
#ifndef TANDEM_EXAMPLES_TRADEOFFS_REPORT_HPP
#define TANDEM_EXAMPLES_TRADEOFFS_REPORT_HPP

#include <sys/utsname.h>  // for uname

#include <algorithm>  // for max
#include <cstdio>     // for printf, snprintf
#include <string>     // for string
#include <thread>     // for thread::hardware_concurrency
#include <utility>    // for move
#include <vector>     // for vector

#include <nlohmann/json.hpp>
#include <tandem/tandem.hpp>

namespace tradeoffs {

/// One cell: for people and for machines.
struct answer {
  std::string text;
  nlohmann::ordered_json value;
};

/// A number in words: number("%.1f us", 3.14).
inline std::string number(char const* format, double value) {
  char text[64];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

class report {
 public:
  explicit report(std::vector<tandem::mode> columns) : columns_(std::move(columns)) {}

  /// Begins one of the four aspects.
  void aspect(std::string name) { aspects_.push_back({std::move(name), {}}); }

  /// Adds a row: asks `f(mode)` for the answer of each column.
  template <class F> void row(std::string key, std::string question, F f) {
    line added{std::move(key), std::move(question), {}};
    for (tandem::mode const column : columns_) added.answers.push_back(f(column));
    aspects_.back().rows.push_back(std::move(added));
  }

  /// Adds what is the same in all columns, and helps to judge them.
  void note(std::string key, std::string text, double value) {
    notes_.push_back({std::move(key), std::move(text), value});
  }

  std::vector<tandem::mode> const& columns() const { return columns_; }

  void print() const {
    std::size_t first = 0;
    std::vector<std::size_t> widths(columns_.size(), 7);
    for (auto const& aspect : aspects_) {
      for (auto const& row : aspect.rows) {
        first = std::max(first, row.question.size());
        for (std::size_t i = 0; i < widths.size(); ++i) widths[i] = std::max(widths[i], row.answers[i].text.size());
      }
    }
    std::printf("%-*s", static_cast<int>(first) + 2, "");
    for (std::size_t i = 0; i < widths.size(); ++i) cell(std::string(to_string(columns_[i])), widths[i], i);
    for (auto const& aspect : aspects_) {
      std::printf("\n%s\n", aspect.name.c_str());
      for (auto const& row : aspect.rows) {
        std::printf("  %-*s", static_cast<int>(first), row.question.c_str());
        for (std::size_t i = 0; i < widths.size(); ++i) cell(row.answers[i].text, widths[i], i);
      }
    }
    std::printf("\n%s", machine().c_str());
    for (auto const& note : notes_) std::printf("; %s", note.text.c_str());
    std::printf("\n");
  }

  void print_json() const {
    nlohmann::ordered_json all;
    for (auto const& aspect : aspects_) {
      for (auto const& row : aspect.rows) {
        for (std::size_t i = 0; i < columns_.size(); ++i)
          all[aspect.name][row.key][std::string(to_string(columns_[i]))] = row.answers[i].value;
      }
    }
    for (auto const& note : notes_) all["notes"][note.key] = note.value;
    all["machine"] = machine();
    std::printf("%s\n", all.dump(2).c_str());
  }

 private:
  struct line {
    std::string key, question;
    std::vector<answer> answers;
  };
  struct remark {
    std::string key, text;
    double value;
  };
  struct section {
    std::string name;
    std::vector<line> rows;
  };

  /// The last one in a line is not padded.
  void cell(std::string const& text, std::size_t width, std::size_t column) const {
    if (column + 1 == columns_.size())
      std::printf("  %s\n", text.c_str());
    else
      std::printf("  %-*s", static_cast<int>(width), text.c_str());
  }

  static std::string machine() {
    utsname system{};
    ::uname(&system);
    return std::to_string(std::thread::hardware_concurrency()) + " CPUs, " + system.machine + ", " + system.sysname +
           " " + system.release;
  }

  std::vector<tandem::mode> columns_;
  std::vector<section> aspects_;
  std::vector<remark> notes_;
};

}  // namespace tradeoffs

#endif  // TANDEM_EXAMPLES_TRADEOFFS_REPORT_HPP
