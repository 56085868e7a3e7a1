// SPDX-License-Identifier: BSL-1.0
// Runs the questions of a program: each peer once to find how many calls fill a round, then round by round, A B C, then
// C B A, so that none always runs first, or right after the same neighbour.
#include <algorithm>    // for any_of, max
#include <cstdio>       // for fflush, fprintf, printf
#include <cstdlib>      // for _Exit, exit, strtod, strtol
#include <fstream>      // for ofstream
#include <regex>        // for regex, regex_search
#include <string>       // for string
#include <string_view>  // for string_view
#include <vector>       // for vector

#include "support/machine.hpp"   // for provenance, load_average
#include "support/question.hpp"  // for asked, questions
#include "support/report.hpp"    // for table, json, judge

namespace tandem_bench {
namespace {

run_options given;
std::string running;  // "question, peer": for wrong_result

constexpr char usage[] = R"(usage: %s [options]
  --quick                       one call of each peer: that all run, and are right
  --json=FILE                   writes all rounds, and where they were measured
  --pin=free|one|two            all questions with CPUs free, on one CPU, or with their two sides on two CPUs
  --strict                      exit with 1 if a budget is missed
  --benchmark_filter=REGEX      only the questions with a peer of that name (and their bases); -REGEX: the others
  --benchmark_list_tests        prints the names
  --benchmark_repetitions=N     rounds (21; at least 7)
  --benchmark_min_time=SECONDS  of one round of one peer (0.05)
)";

[[noreturn]] void stop(std::string const& why) {
  std::fprintf(stderr, "%s\n", why.c_str());
  std::exit(2);
}

// Takes what Google Benchmark hands it: how long one round of one peer took.
class collector : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(Context const&) override { return true; }
  void ReportRuns(std::vector<Run> const& runs) override {
    for (auto const& run : runs) {
      if (failed(run)) stop(running + ": " + run.error_message);
      seconds = run.real_accumulated_time;
      calls = static_cast<double>(run.iterations);
    }
  }
  double seconds = 0;
  double calls = 0;

 private:
  template <class Run> static bool failed(Run const& run) {
    if constexpr (requires { run.error_occurred; })
      return run.error_occurred;
    else
      return !run.error_message.empty();
  }
};

std::string exactly(std::string const& name) {
  std::string result = "^";
  for (char const c : name) {
    if (c == '.') result += '\\';
    result += c;
  }
  return result + "(/(iterations|real_time|manual_time|min_time).*)?$";
}

void run_once(question_data& asked, peer_data& peer, collector& figures) {
  running = asked.title + ", " + peer.name;
  std::fflush(nullptr);  // a forked peer must find nothing to write twice
  figures.seconds = figures.calls = 0;
  benchmark::RunSpecifiedBenchmarks(&figures, exactly(peer.full_name));
  if (figures.calls <= 0) stop(running + ": Google Benchmark has not run it");
}

void measure(question_data& asked) {
  set_placement(given.pin.value_or(asked.where));
  asked.where = current_placement();
  auto const surroundings = asked.surroundings ? asked.surroundings() : nullptr;
  std::vector<peer_data*> peers;
  for (auto& peer : asked.peers) {
    if (peer.registered != nullptr && peer.absent.empty()) peers.push_back(&peer);
  }
  collector figures;
  if (given.quick) {
    for (auto* peer : peers) {
      peer->registered->Iterations(1);
      run_once(asked, *peer, figures);
      peer->iterations = 1;
      peer->rounds = {figure(asked, figures.seconds, figures.calls)};
    }
  } else {
    for (auto* peer : peers) {  // Google Benchmark finds how many calls fill a round; this one does not count
      run_once(asked, *peer, figures);
      auto const calls = std::max(1.0, figures.calls * given.seconds / std::max(figures.seconds, 1e-9));
      peer->iterations = static_cast<std::size_t>(calls);
      peer->registered->Iterations(static_cast<benchmark::IterationCount>(calls));
    }
    for (int round = 0; round < given.rounds; ++round) {
      for (std::size_t i = 0; i < peers.size(); ++i) {
        auto& peer = *peers[round % 2 == 0 ? i : peers.size() - 1 - i];
        run_once(asked, peer, figures);
        peer.rounds.push_back(figure(asked, figures.seconds, figures.calls));
        if (figures.seconds > 4 * given.seconds && peer.iterations > 1) {  // the machine has become much busier
          peer.iterations = std::max<std::size_t>(1, peer.iterations / 4);
          peer.registered->Iterations(static_cast<benchmark::IterationCount>(peer.iterations));
        }
      }
    }
  }
  set_placement(placement::free);
}

// Leaves of each question what the filter names, and its base.
void filter(std::vector<std::shared_ptr<question_data>>& all, std::string expression) {
  if (expression.empty() || expression == "all") return;
  bool const inverted = expression.front() == '-';
  if (inverted) expression.erase(0, 1);
  std::regex pattern;
  try {
    pattern = expression;
  } catch (std::regex_error const& error) { stop("--benchmark_filter: " + std::string(error.what())); }
  auto const named = [&](peer_data const& peer) {
    return peer.registered != nullptr && std::regex_search(peer.full_name, pattern) != inverted;
  };
  std::erase_if(all, [&](auto const& asked) { return std::none_of(asked->peers.begin(), asked->peers.end(), named); });
  for (auto& asked : all)
    std::erase_if(asked->peers, [&](auto const& peer) { return !named(peer) && peer.name != asked->base; });
}

double number_of(std::string_view flag, std::string_view value) {
  std::string const text(value);
  char* end = nullptr;
  double const number = std::strtod(text.c_str(), &end);
  if (end == text.c_str() || (*end != '\0' && std::string_view(end) != "s") || number <= 0)
    stop(std::string(flag) + text + ": a number above 0 is needed");
  return number;
}

struct command_line {
  bool list = false;
  std::string filter;
};

command_line read(int& argc, char** argv) {
  command_line result;
  std::vector<std::string> rest{argv[0]};
  for (int i = 1; i < argc; ++i) {
    std::string_view const argument = argv[i];
    auto const after = [&](std::string_view flag) { return argument.substr(flag.size()); };
    auto const starts = [&](std::string_view flag) { return argument.rfind(flag, 0) == 0; };
    if (argument == "--help" || argument == "-h") {
      std::printf(usage, argv[0]);
      std::exit(0);
    } else if (argument == "--quick") {
      given.quick = true;
    } else if (argument == "--strict") {
      given.strict = true;
    } else if (starts("--json=")) {
      given.json = after("--json=");
    } else if (starts("--pin=")) {
      given.pin = placement_named(after("--pin="));
      if (!given.pin) stop("--pin=" + std::string(after("--pin=")) + ": free, one or two is needed");
    } else if (starts("--benchmark_repetitions=")) {
      given.rounds = static_cast<int>(number_of("--benchmark_repetitions=", after("--benchmark_repetitions=")));
      if (given.rounds < 7) stop("--benchmark_repetitions: a median of fewer than 7 rounds is not worth its ink");
    } else if (starts("--benchmark_min_time=")) {
      given.seconds = number_of("--benchmark_min_time=", after("--benchmark_min_time="));
    } else if (starts("--benchmark_filter=")) {
      result.filter = after("--benchmark_filter=");
    } else if (argument == "--benchmark_list_tests" || argument == "--benchmark_list_tests=true") {
      result.list = true;
    } else if (starts("--benchmark_out") || starts("--benchmark_format")) {
      stop(std::string(argument) + ": rounds of several peers do not fit its formats; use --json=FILE");
    } else if (starts("--benchmark_")) {
      rest.emplace_back(argument);
    } else {
      std::fprintf(stderr, "%s: unknown option\n", argv[i]);
      std::fprintf(stderr, usage, argv[0]);
      std::exit(2);
    }
  }
  // Google Benchmark gets the rest, and the time that its search for a number of calls is to fill.
  rest.push_back("--benchmark_min_time=" + std::to_string(given.seconds));
  std::vector<char*> pointers;
  for (auto& argument : rest) pointers.push_back(argument.data());
  int count = static_cast<int>(pointers.size());
  benchmark::Initialize(&count, pointers.data());
  if (benchmark::ReportUnrecognizedArguments(count, pointers.data())) std::exit(2);
  return result;
}

int run(int argc, char** argv) {
  static_cast<void>(allowed_cpus());  // asked before anything is pinned
  command_line const line = read(argc, argv);
  questions();
  auto all = asked();
  filter(all, line.filter);
  if (line.list) {
    for (auto const& asked : all) {
      for (auto const& peer : asked->peers) {
        if (peer.registered != nullptr) std::printf("%s\n", peer.full_name.c_str());
      }
    }
    return 0;
  }
  if (all.empty()) stop("no question is named so; see --benchmark_list_tests");

  double const load = load_average();
  auto context = provenance();
  context.emplace_back("load_at_start", std::to_string(load));
  if (!given.quick) {
    for (auto const& [key, value] : context) {
      if (key == "cpu" || key == "cpus" || key == "kernel" || key == "compiler" || key == "flags" || key == "commit")
        std::printf("%s: %s\n", key.c_str(), value.c_str());
    }
    if (load > 0.3) std::printf("The machine is busy (load %.2f): the ratios are rough, the figures rougher.\n", load);
    std::printf("\n");
  }

  bool missed = false;
  for (auto const& asked : all) {
    if (given.pin.value_or(asked->where) == placement::two_cpus && allowed_cpus() < 2) {
      std::printf("%s: needs two CPUs, one is allowed\n\n", asked->title.c_str());
      continue;
    }
    measure(*asked);
    std::printf("%s\n", table(*asked).c_str());
    for (auto const& budget : asked->budgets) {
      auto const verdict = judge(*asked, budget);
      missed |= verdict.judged && !verdict.holds;
    }
  }
  if (!given.json.empty()) {
    context.emplace_back("load_at_end", std::to_string(load_average()));
    std::string_view const program = argv[0];
    std::ofstream file(given.json);
    file << json(program.substr(program.rfind('/') + 1), context, all);
    if (!file.flush()) stop("cannot write " + given.json);
  }
  return missed && given.strict ? 1 : 0;
}

}  // namespace

run_options const& options() noexcept { return given; }

void wrong_result(char const* what) {
  std::fprintf(stderr, "WRONG RESULT in %s: %s\n", running.c_str(), what);
  std::fflush(nullptr);
  std::_Exit(3);
}

}  // namespace tandem_bench

int main(int argc, char** argv) {
  if (tandem_bench::at_start != nullptr) tandem_bench::at_start(argc, argv);
  return tandem_bench::run(argc, argv);
}
