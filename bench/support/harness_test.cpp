// SPDX-License-Identifier: BSL-1.0
// Questions whose figures are known: harness_test.cmake runs them and reads what the harness tells.
#include <chrono>   // for microseconds
#include <cstddef>  // for size_t
#include <cstdlib>  // for getenv
#include <vector>   // for vector

#include "support/question.hpp"
#include "support/statistics.hpp"

namespace tandem_bench {
namespace {

int turn = 0;

auto takes(int us) {
  return [us](std::size_t count) { return std::chrono::microseconds(us) * count; };
}
// Slower from round to round: a machine that others are using more and more.
auto takes_longer(int us) {
  return [us](std::size_t count) { return std::chrono::microseconds(us) * count * (1 + ++turn / 10); };
}

void statistics() {
  std::vector<double> const odd{5, 1, 3}, even{4, 1, 3, 2};
  check(summarize(odd).median == 3 && summarize(odd).low == 1 && summarize(odd).high == 5, "three figures");
  check(summarize(even).median == 2.5 && summarize(even).min == 1 && summarize(even).max == 4, "four figures");
  std::vector<double> many;
  for (int i = 1; i <= 21; ++i) many.push_back(i);
  // The table of the sign test: of 21 figures the 6th and the 16th, of 7 the first and the last, of 9 the 2nd and 8th.
  check(summarize(many).low == 6 && summarize(many).high == 16, "21 figures");
  check(summarize(std::span(many).first(7)).low == 1 && summarize(std::span(many).first(7)).high == 7, "7 figures");
  check(summarize(std::span(many).first(9)).low == 2 && summarize(std::span(many).first(9)).high == 8, "9 figures");
  check(ratios(even, odd) == std::vector<double>{0.8, 1, 1}, "ratios");
}

}  // namespace

void questions() {
  statistics();
  question("time", unit::us)
      .about("Ten and twenty.")
      .base("ten", takes(10))
      .peer("twenty", takes(20))
      .absent("thirty", "libthirty-dev is not installed")
      .peer_if(
          false, "forty", [] {}, "forty is not here")
      .budget("twenty", at_most(2))
      .budget("twenty", at_most(1.9), "ten")
      .budget("thirty", at_most(1));
  question("rate", unit::million_per_s)
      .per_call(100)
      .base("ten", takes(10))
      .peer("five \"quoted\"", takes(5))
      .budget("five \"quoted\"", at_least(2));
  question("drift", unit::us).base("a", takes_longer(10)).peer("b", takes_longer(10));
  if (std::getenv("TANDEM_BENCH_WRONG") != nullptr)
    question("wrong", unit::ns).base("liar", [] { check(false, "it lies"); });
}

}  // namespace tandem_bench
