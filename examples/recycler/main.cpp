// SPDX-License-Identifier: BSL-1.0
// Calls a function that leaks, many times, and shows what that costs: with workers that stay, and with workers that are
// replaced after so many tasks.
#include <unistd.h>

#include <cerrno>        // for errno
#include <chrono>        // for steady_clock
#include <csignal>       // for signal
#include <cstdint>       // for uint64_t
#include <cstdio>        // for fprintf, printf
#include <exception>     // for exception
#include <fstream>       // for ifstream
#include <iterator>      // for istreambuf_iterator
#include <set>           // for set
#include <stdexcept>     // for runtime_error
#include <string>        // for string, to_string
#include <system_error>  // for generic_category
#include <tuple>         // for tuple
#include <utility>       // for move
#include <vector>        // for vector

#include <CLI/CLI.hpp>
#include <tandem/tandem.hpp>

#include "indexer.hpp"
#include "memory_curve.hpp"

namespace {

enum status { all_done = 0, incomplete = 1, wrong_usage = 2 };

struct arguments {
  tandem::mode mode = tandem::mode::process;
  unsigned workers = 2;
  std::uint64_t recycle = 50;
  unsigned repeat = 200;
  std::string svg;
  bool plot = true;
  std::vector<std::string> paths;
};

void complain(std::string const& text) { std::fprintf(stderr, "recycler: %s\n", text.c_str()); }

std::string read_whole(std::string const& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error(path + ": " + std::generic_category().message(errno));
  std::string text{std::istreambuf_iterator<char>(in), {}};
  if (in.bad() || text.empty())
    throw std::runtime_error(path + ": " + (text.empty() ? "is empty, or cannot be read" : "cannot be read"));
  return text;
}

/// Resident memory that the process has for itself.
std::uint64_t own_memory() {
  unsigned long long resident = 0, shared = 0;
  if (std::FILE* const file = std::fopen("/proc/self/statm", "re")) {
    if (std::fscanf(file, "%*u %llu %llu", &resident, &shared) != 2) resident = shared = 0;
    std::fclose(file);
  }
  return (resident - shared) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

/// What a task gives: the words of its text, the memory that its worker has now, and who that is. A worker that
/// replaces another has its name.
using report = std::tuple<std::uint64_t, std::uint64_t, std::string, tandem::unit_id>;

report work(std::string const& text) {
  std::uint64_t const words = indexer::summarise(text).words;
  return {words, own_memory(), tandem::this_unit::name(), tandem::this_unit::get_id()};
}

struct run_result {
  recycler::memory_curve memory;
  std::uint64_t words = 0, lost = 0;
  std::size_t workers = 0;
  double seconds = 0;
};

run_result run(arguments const& with, std::uint64_t recycle, std::vector<std::string> const& texts) {
  auto const begin = std::chrono::steady_clock::now();
  run_result all{recycler::memory_curve(recycle == 0 ? "workers that stay"
                                                     : "replaced after " + std::to_string(recycle) + " tasks")};
  tandem::pool<tandem::unit> pool(with.mode, {.workers = with.workers, .max_tasks_per_worker = recycle});
  std::set<tandem::unit_id> units;
  std::size_t const many = texts.size() * with.repeat, most_in_flight = 4 * with.workers;
  std::vector<tandem::future<report>> tasks(many);
  tandem::wait_set under_way;
  for (std::size_t next = 0; next < many || !under_way.empty();) {
    for (; next < many && under_way.size() < most_in_flight; ++next) {
      tasks[next] = pool.submit(work, texts[next % texts.size()]);
      under_way.add(tasks[next], next);
    }
    auto const outcome = tasks[under_way.wait()].get_outcome();
    if (!outcome) {
      complain(outcome.error().to_string() + "; its text is missing");
      ++all.lost;
      continue;
    }
    auto const& [words, bytes, worker, unit] = *outcome;
    all.memory.add(with.mode == tandem::mode::process ? worker : "program", bytes);
    all.words += words;
    units.insert(unit);
  }
  all.workers = units.size();
  all.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return all;
}

status compare(arguments const& with) {
  std::vector<std::string> texts;
  for (auto const& path : with.paths) texts.push_back(read_whole(path));
  std::vector<std::uint64_t> ways{0};
  if (with.mode == tandem::mode::process)
    ways.push_back(with.recycle);
  else
    complain("threads share their memory: what one leaks stays, whoever follows it. They are not replaced");
  std::vector<recycler::memory_curve> curves;
  status result = all_done;
  std::printf("%-26s %8s %10s %9s %10s %8s\n", "", "tasks", "words", "workers", "most MB", "seconds");
  for (auto const way : ways) {
    auto one = run(with, way, texts);
    std::printf("%-26s %8zu %10llu %9zu %10.1f %8.2f\n", one.memory.title().c_str(), one.memory.points().size(),
                static_cast<unsigned long long>(one.words), one.workers, static_cast<double>(one.memory.most()) * 1e-6,
                one.seconds);
    if (one.lost != 0) result = incomplete;
    curves.push_back(std::move(one.memory));
  }
  if (with.plot) recycler::draw(curves, "");
  if (!with.svg.empty()) recycler::draw(curves, with.svg);
  return result;
}

}  // namespace

int main(int argc, char** argv) {
  arguments with;
  std::string mode = "process";
  bool no_plot = false;
  CLI::App app(
      "Counts the words of files by a function that leaks, again and again, in a pool: with workers that stay, and "
      "with "
      "workers that are replaced after so many tasks; shows the memory that they have.",
      "recycler");
  app.add_option("file", with.paths, "Texts, at least one")->required();
  app.add_option("--mode", mode, "What the workers are: thread or process")
      ->check(CLI::IsMember({"thread", "process"}))
      ->capture_default_str();
  app.add_option("--workers", with.workers, "How many, 1 to 1024")->check(CLI::Range(1U, 1024U))->capture_default_str();
  app.add_option("--recycle", with.recycle, "After how many tasks a worker is replaced")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1'000'000}))
      ->capture_default_str();
  app.add_option("--repeat", with.repeat, "How often each file is done")
      ->check(CLI::Range(1U, 1'000'000U))
      ->capture_default_str();
  app.add_option("--svg", with.svg, "Draw the memory into this file too");
  app.add_flag("--no-plot", no_plot, "Draw nothing on the terminal: gnuplot is not needed then");
  app.footer("Exit status: 0 all was done; 1 something failed; 2 wrong usage. gnuplot draws.");
  app.failure_message([](CLI::App const*, CLI::Error const& error) {
    return std::string("recycler: ") + error.what() + "\nrecycler --help tells what there is\n";
  });
  try {
    app.parse(argc, argv);
  } catch (CLI::ParseError const& error) { return app.exit(error) == 0 ? all_done : wrong_usage; }
  with.mode = *tandem::mode_from_string(mode);
  with.plot = !no_plot;
  std::signal(SIGPIPE, SIG_IGN);
  try {
    return compare(with);
  } catch (std::exception const& error) {
    complain(error.what());
    return incomplete;
  }
}
