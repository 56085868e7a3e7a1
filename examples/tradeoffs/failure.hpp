// SPDX-License-Identifier: BSL-1.0
// Failure: a worker has an accident while two others work; who survives? Each trial is a program of its own, inside a
// process, since with threads it is a whole program that is lost.
#ifndef TANDEM_EXAMPLES_TRADEOFFS_FAILURE_HPP
#define TANDEM_EXAMPLES_TRADEOFFS_FAILURE_HPP

#include <sys/resource.h>  // for RLIMIT_CORE, setrlimit

#include <atomic>     // for atomic
#include <chrono>     // for milliseconds
#include <csignal>    // for SIGKILL
#include <cstdlib>    // for exit
#include <stdexcept>  // for runtime_error
#include <string>     // for string, to_string
#include <vector>     // for vector

#include <tandem/tandem.hpp>

#include "report.hpp"

namespace tradeoffs {

enum class accident { throws, exits, crashes };

inline void happen(accident what) {
  if (what == accident::throws) throw std::runtime_error("bad line");
  if (what == accident::exits) std::exit(3);
  int volatile* volatile nowhere = nullptr;
  *nowhere = 1;
}

/// What a program sees of an accident that it survives.
struct aftermath {
  std::string end;  // of the worker
  int others_done = 0;
};

/// How a unit ended, in few words.
inline std::string in_short(tandem::failure const& end) {
  return end.how() == tandem::ending::threw ? "threw " + end.type() : end.what();
}

/// A program: one worker has the accident; the two others have their work done only after that.
inline aftermath trial(tandem::mode mode, accident what) {
  using namespace std::chrono_literals;
  tandem::shared<std::atomic<bool>> over(false);
  std::vector<tandem::unit<int>> others;
  for (int i = 0; i < 2; ++i) {
    others.push_back(tandem::spawn(mode, [over] {
      while (!over->load(std::memory_order_relaxed)) tandem::this_unit::sleep_for(1ms);  // a flag, and nothing behind
      return 1;
    }));
  }
  auto const outcome = tandem::spawn(mode, happen, what).join();
  over->store(true, std::memory_order_relaxed);

  aftermath seen;
  if (!outcome) seen.end = in_short(outcome.error());
  for (auto& other : others) seen.others_done += other.join().value_or(0);
  return seen;
}

/// Runs the trial. What became of the program as a whole is its outcome: a value if it survived.
inline answer try_out(tandem::mode mode, accident what) {
  auto const program = tandem::process{trial, mode, what}.join();
  if (program) {
    return {"its outcome: " + program->end,
            {{"program_survives", true}, {"end", program->end}, {"others_done", program->others_done}}};
  }
  auto const end = in_short(program.error());
  return {"the program " + end, {{"program_survives", false}, {"end", end}, {"others_done", 0}}};
}

template <class Unit>
concept can_be_killed = requires(Unit unit) {
  unit.kill(SIGKILL);
};

/// Ends a worker that listens to nobody, where there is a way.
inline answer end_by_force(tandem::mode mode) {
  static_assert(can_be_killed<tandem::process<>> && !can_be_killed<tandem::thread<>>);
  if (mode == tandem::mode::thread) return {"no way to end it", false};
  tandem::process deaf{[] {
    for (;;) tandem::this_unit::yield();
  }};
  deaf.terminate(std::chrono::milliseconds(10));
  auto const outcome = deaf.join();
  return {"its outcome: " + (outcome ? std::string("returned") : in_short(outcome.error())), !outcome};
}

inline void failure(report& to) {
  ::rlimit const no_core_dumps{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core_dumps);
  to.aspect("failure");
  to.row("throws", "a worker throws", [](auto mode) { return try_out(mode, accident::throws); });
  to.row("exits", "a worker calls exit(3)", [](auto mode) { return try_out(mode, accident::exits); });
  to.row("crashes", "a worker writes to address 0", [](auto mode) { return try_out(mode, accident::crashes); });
  to.row("others_done_after_crash", "of two others at work meanwhile", [](auto mode) {
    auto const done = try_out(mode, accident::crashes).value["others_done"];
    return answer{done == 0 ? "none finishes" : done.dump() + " finish", done};
  });
  to.row("ended_by_force", "a worker loops for ever: terminate(10ms)", end_by_force);
}

}  // namespace tradeoffs

#endif  // TANDEM_EXAMPLES_TRADEOFFS_FAILURE_HPP
