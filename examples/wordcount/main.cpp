// SPDX-License-Identifier: BSL-1.0
// Counts words with several workers, which are threads or processes: the same bytes come out.
#include <algorithm>  // for partial_sort, sort
#include <chrono>     // for steady_clock
#include <csignal>    // for raise, sigaction, signal
#include <cstdio>     // for fflush, fprintf, fwrite
#include <exception>  // for exception
#include <set>        // for set
#include <string>     // for string, to_string
#include <thread>     // for thread::hardware_concurrency
#include <utility>    // for pair
#include <vector>     // for vector

#include <CLI/CLI.hpp>
#include <tandem/tandem.hpp>

#include "progress_line.hpp"
#include "text.hpp"
#include "worker.hpp"

namespace {

using namespace std::chrono_literals;
using workers = std::vector<tandem::unit<wordcount::share>>;

enum status { all_counted = 0, incomplete = 1, wrong_usage = 2, worker_lost = 3 };

struct arguments {
  tandem::mode mode = tandem::mode::thread;
  unsigned workers = 1;
  std::size_t top = 10;
  bool summary = false;
  std::vector<std::string> paths;
};

std::sig_atomic_t volatile interrupted = 0;

/// A signal that asks the program to end only leaves a note: the program then ends its workers first. One that is
/// ignored (nohup) stays so.
void note_signals() {
  struct sigaction noting {};
  noting.sa_handler = [](int signal) { interrupted = signal; };
  for (int const signal : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction before {};
    if (::sigaction(signal, nullptr, &before) == 0 && before.sa_handler != SIG_IGN)
      ::sigaction(signal, &noting, nullptr);
  }
}

/// Ends the workers, then the program, as the signal would have done. Threads end with the program, wherever they are.
[[noreturn]] void give_up(workers& all) {
  for (auto& one : all) one.request_stop();
  for (auto& one : all) {
    if (auto* const process = one.as_process(); process != nullptr && process->joinable()) process->terminate(100ms);
  }
  std::signal(interrupted, SIG_DFL);
  std::raise(interrupted);
  std::_Exit(128 + interrupted);
}

void complain(std::string const& text) { std::fprintf(stderr, "wordcount: %s\n", text.c_str()); }

status print(wordcount::word_list const& list, std::size_t top) {
  std::vector<std::pair<std::uint64_t, std::string_view>> words;
  words.reserve(list.times.size());
  list.for_each([&](std::string_view word, std::uint64_t times) { words.emplace_back(times, word); });
  auto const end = words.begin() + static_cast<std::ptrdiff_t>(top == 0 ? words.size() : std::min(top, words.size()));
  std::partial_sort(words.begin(), end, words.end(), [](auto const& a, auto const& b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
  });
  std::string out;
  for (auto at = words.begin(); at != end; ++at)
    out.append(std::to_string(at->first)).append(" ").append(at->second).append("\n");
  if (std::fwrite(out.data(), 1, out.size(), stdout) == out.size() && std::fflush(stdout) == 0) return all_counted;
  complain("the output cannot be written: " + std::generic_category().message(errno));
  return incomplete;
}

status run(arguments const& with) {
  auto const begin = std::chrono::steady_clock::now();
  wordcount::text text;
  if (with.paths.empty()) wordcount::add_license_texts(text);
  for (auto const& path : with.paths) wordcount::add(text, path);
  if (text.files.empty()) complain("there is no file to count: name files or folders");

  note_signals();
  tandem::shared<wordcount::progress> common;  // one for all workers, on either side of the wall
  std::size_t const enough = std::min<std::size_t>(with.workers, text.pieces.size());
  workers team;
  for (std::size_t i = 1; i <= enough; ++i) {
    team.push_back(tandem::spawn(with.mode, {.name = "counter " + std::to_string(i)}, wordcount::count,
                                 tandem::borrow(text), common));
  }

  wordcount::word_table total;
  std::set<std::size_t> unread_files;  // one complaint each, though several pieces of a file fail
  status result = all_counted;
  wordcount::progress_line line(text.bytes);
  for (auto& worker : team) {
    auto ended = worker.join_for(50ms);
    for (; !ended; ended = worker.join_for(50ms)) {
      line.show(common->bytes_done.load(std::memory_order_relaxed));
      if (interrupted != 0) {
        line.erase();
        give_up(team);
      }
    }
    auto& outcome = *ended;
    if (!outcome) {
      line.erase();
      complain(outcome.error().to_string() + "; what it counted is missing");
      result = worker_lost;
      continue;
    }
    total.add(outcome->words);
    for (auto const& [file, reason] : outcome->unread_files) {
      if (unread_files.insert(file).second) text.problems.push_back({text.files[file], reason});
    }
  }
  line.erase();

  for (auto const& [path, reason] : text.problems) complain(path + ": " + reason);
  if (result == all_counted && !text.problems.empty()) result = incomplete;
  if (status const written = print(total.list(), with.top); result == all_counted) result = written;
  if (with.summary) {
    std::chrono::duration<double> const time = std::chrono::steady_clock::now() - begin;
    std::fprintf(stderr, "%zu files, %.1f MB, %zu different words, counted by %zu workers (mode: %s) in %.3f s\n",
                 text.files.size(), static_cast<double>(text.bytes) * 1e-6, total.list().times.size(), enough,
                 std::string(to_string(with.mode)).c_str(), time.count());
  }
  return result;
}

}  // namespace

int main(int argc, char** argv) {
  arguments with;
  with.workers = std::max(1U, std::thread::hardware_concurrency());
  std::string mode = "thread";

  CLI::App app(
      "Counts the words of files, and of the files in folders. A word is a run of letters A-Z, a-z; case does not "
      "matter.",
      "wordcount");
  app.add_option("path", with.paths, "Files and folders; default: the license texts of this system");
  app.add_option("--mode", mode, "What the workers are: thread or process")
      ->check(CLI::IsMember({"thread", "process"}))
      ->capture_default_str();
  app.add_option("--workers", with.workers, "How many, 1 to 1024; default: one for each CPU")
      ->check(CLI::Range(1U, 1024U))
      ->capture_default_str();
  app.add_option("--top", with.top, "How many words to print; 0: all")->capture_default_str();
  app.add_flag("--summary", with.summary, "Say on stderr what was counted, and in what time");
  app.footer(
      "Exit status: 0 all was counted; 1 something could not be read or written; 2 wrong usage; 3 a worker died, and "
      "what it "
      "counted is missing.");
  app.failure_message([](CLI::App const*, CLI::Error const& error) {
    return std::string("wordcount: ") + error.what() + "\nwordcount --help tells what there is\n";
  });
  try {
    app.parse(argc, argv);
  } catch (CLI::ParseError const& error) { return app.exit(error) == 0 ? all_counted : wrong_usage; }
  with.mode = *tandem::mode_from_string(mode);

  try {
    return run(with);
  } catch (std::exception const& error) {
    complain(error.what());
    return worker_lost;
  }
}
