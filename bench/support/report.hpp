// SPDX-License-Identifier: BSL-1.0
// What is told of measured questions: a table for people, JSON for machines.
#ifndef TANDEM_BENCH_SUPPORT_REPORT_HPP
#define TANDEM_BENCH_SUPPORT_REPORT_HPP

#include <memory>       // for shared_ptr
#include <string>       // for string
#include <string_view>  // for string_view
#include <utility>      // for pair
#include <vector>       // for vector

#include "support/question.hpp"    // for question_data, budget_data
#include "support/statistics.hpp"  // for summary

namespace tandem_bench {

/// How a budget fared: `measured` is the ratio of the medians' rounds; no figures, no verdict.
struct verdict {
  bool judged = false;
  bool holds = false;
  summary measured;
  std::string against;
  std::string to_string() const;  ///< "<= 1.05 x std::thread: 1.02 ok"
  limit promised{};
};
verdict judge(question_data const& asked, budget_data const& budget);

/// "us", "M/s"
char const* name_of(unit in) noexcept;
/// The figure for `calls` calls of a peer that took `seconds`.
double figure(question_data const& asked, double seconds, double calls) noexcept;

/// One table for one question.
std::string table(question_data const& asked);

/// The whole run: context (with who, where, how), then each question with all its rounds.
std::string json(std::string_view program, std::vector<std::pair<std::string, std::string>> const& context,
                 std::vector<std::shared_ptr<question_data>> const& questions);

}  // namespace tandem_bench

#endif  // TANDEM_BENCH_SUPPORT_REPORT_HPP
