// SPDX-License-Identifier: BSL-1.0
// What a benchmark asks: one question, several peers that answer it, and what tandem promises beside them. A program of
// benchmarks defines tandem_bench::questions(); main is in the harness.
//
//   void tandem_bench::questions() {
//     question("E1: thread start and join", unit::us)
//         .base("std::thread", [] { std::thread([] {}).join(); })
//         .peer("tandem::thread", [] { check(tandem::thread([] { return 1; }).join().value() == 1, "the result"); })
//         .budget("tandem::thread", at_most(1.05));
//   }
//
// A peer is one of
//   void()                      timed as a whole, again and again
//   duration(std::size_t n)     does it n times and returns how long that took: for what has parts that do not count
//   void(benchmark::State&)     Google Benchmark's own
// where duration is any std::chrono::duration.
#ifndef TANDEM_BENCH_SUPPORT_QUESTION_HPP
#define TANDEM_BENCH_SUPPORT_QUESTION_HPP

#include <chrono>       // for duration
#include <concepts>     // for invocable
#include <cstddef>      // for size_t
#include <functional>   // for function
#include <memory>       // for shared_ptr, make_shared
#include <string>       // for string
#include <type_traits>  // for decay_t
#include <utility>      // for forward, move
#include <vector>       // for vector

#include <benchmark/benchmark.h>

#include "support/check.hpp"      // IWYU pragma: export
#include "support/options.hpp"    // IWYU pragma: export
#include "support/placement.hpp"  // for placement

namespace tandem_bench {

/// What the figures are in. For times, less is better; for rates, more.
enum class unit { ns, us, ms, s, per_s, thousand_per_s, million_per_s, mb_per_s, gb_per_s };

/// What a peer is held to: its ratio to another peer (to the base, if none is named).
struct limit {
  enum class kind { at_most, at_least } how;
  double factor;
};
constexpr limit at_most(double factor) noexcept { return {limit::kind::at_most, factor}; }
constexpr limit at_least(double factor) noexcept { return {limit::kind::at_least, factor}; }

struct peer_data {
  std::string name;
  std::string full_name;  // Google Benchmark's
  std::string absent;     // why it is not measured; empty: it is
  benchmark::internal::Benchmark* registered = nullptr;
  std::size_t iterations = 0;  // of one round
  std::vector<double> rounds;  // one figure per round, in the question's unit
};

struct budget_data {
  std::string peer;
  limit promised;
  std::string against;
};

struct question_data {
  std::string title;
  std::string about;
  unit in;
  double per_call = 1;  // operations, or bytes, that one call of a peer does
  placement where = placement::free;
  std::string base;
  std::vector<peer_data> peers;
  std::vector<budget_data> budgets;
  std::function<std::shared_ptr<void>()> surroundings;
};

/// Asks a question: a chain of calls, in any order. All its peers are measured in the same run, round by round.
class question {
 public:
  question(std::string title, unit in);

  /// Printed under the title.
  question& about(std::string text);

  /// The peer that the others are compared to.
  template <class Body> question& base(std::string name, Body&& body) {
    name_base(name);
    return peer(std::move(name), std::forward<Body>(body));
  }

  template <class Body> question& peer(std::string name, Body&& body) {
    using kept = std::decay_t<Body>;
    std::string const full = full_name(name);
    if constexpr (std::invocable<kept&, benchmark::State&>) {
      add(std::move(name), full, benchmark::RegisterBenchmark(full.c_str(), std::forward<Body>(body))->UseRealTime());
    } else if constexpr (std::invocable<kept&, std::size_t>) {
      add(std::move(name), full,
          benchmark::RegisterBenchmark(full.c_str(), [body = kept(std::forward<Body>(body))](
                                                         benchmark::State& state) mutable {
            auto const count = state.max_iterations;
            while (state.KeepRunningBatch(count)) {
              std::chrono::duration<double> const took = body(static_cast<std::size_t>(count));
              state.SetIterationTime(took.count());
            }
          })->UseManualTime());
    } else {
      static_assert(std::invocable<kept&>, "a peer is void(), duration(std::size_t) or void(benchmark::State&)");
      add(std::move(name), full,
          benchmark::RegisterBenchmark(full.c_str(), [body = kept(std::forward<Body>(body))](
                                                         benchmark::State& state) mutable {
            for (auto _ : state) body();
          })->UseRealTime());
    }
    return *this;
  }

  /// A row for a peer that this machine does not have. `why`: "libtbb-dev is not installed".
  question& absent(std::string name, std::string why);

  /// A peer where `here`, and otherwise a row that says why not. `body` must compile either way.
  template <class Body> question& peer_if(bool here, std::string name, Body&& body, std::string why_not) {
    if (here) return peer(std::move(name), std::forward<Body>(body));
    return absent(std::move(name), std::move(why_not));
  }

  /// What `peer` is held to, against the base or against `against`. Several may be given.
  question& budget(std::string peer, limit promised, std::string against = {});

  /// How many operations (for the byte rates: bytes) one call of a peer does; 1 if not said.
  question& per_call(double operations);

  /// Where the sides run; `--pin` overrides it.
  question& placed(placement where);

  /// Made before the question's first round and destroyed after its last: what the peers are measured in the presence
  /// of.
  template <class Make> question& surrounded_by(Make&& make) {
    data().surroundings = [make = std::forward<Make>(make)]() -> std::shared_ptr<void> {
      return std::make_shared<decltype(make())>(make());
    };
    return *this;
  }

 private:
  question_data& data() noexcept { return *data_; }
  void name_base(std::string const& name);
  std::string full_name(std::string const& peer) const;
  void add(std::string name, std::string full, benchmark::internal::Benchmark* registered);

  std::shared_ptr<question_data> data_;
};

/// Defined by each program of benchmarks: asks its questions.
void questions();

/// Defined by a program that has something to do at the top of main. It is weak, so that others need none.
[[gnu::weak]] void at_start(int argc, char** argv);

/// All questions asked so far, in order.
std::vector<std::shared_ptr<question_data>>& asked();

}  // namespace tandem_bench

#endif  // TANDEM_BENCH_SUPPORT_QUESTION_HPP
