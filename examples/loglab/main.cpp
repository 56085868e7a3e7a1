// SPDX-License-Identifier: BSL-1.0
// Counts what logs say, by a pipeline: read, parse, count, report. Each stage's units are threads or processes.
#include <algorithm>     // for find, max, min
#include <array>         // for array
#include <cerrno>        // for EPIPE
#include <chrono>        // for steady_clock
#include <csignal>       // for SIGINT, SIGPIPE, SIGTERM, raise, signal
#include <cstdint>       // for uint32_t, uint64_t
#include <cstdio>        // for fprintf
#include <exception>     // for exception
#include <optional>      // for nullopt, optional
#include <string>        // for string, to_string
#include <system_error>  // for generic_category
#include <thread>        // for thread::hardware_concurrency
#include <utility>       // for move
#include <vector>        // for vector

#include <CLI/CLI.hpp>
#include <tandem/tandem.hpp>

#include "files.hpp"
#include "lines.hpp"
#include "parse.hpp"
#include "report.hpp"
#include "stages.hpp"

namespace {

using loglab::entry, loglab::line, loglab::tally;

enum status { all_read = 0, incomplete = 1, wrong_usage = 2, lines_lost = 3 };

struct arguments {
  std::vector<std::string> paths;
  loglab::format how = loglab::format::automatic;
  std::vector<loglab::field> wanted;
  bool by = false;  // they were asked for
  std::array<tandem::mode, 3> modes{};
  std::array<std::size_t, 3> widths{1, 1, 1};
  std::size_t batch = 256;
  std::size_t top = 10;
  std::uint64_t crash_at = 0;
  bool entries = false, strict = false, summary = false;
};

void complain(std::string const& text) { std::fprintf(stderr, "loglab: %s\n", text.c_str()); }

/// What the last stage found out.
struct ended {
  tally all;
  int write_error = 0;
};

/// What the stages have in common, whatever the last ones do.
class laboratory {
 public:
  laboratory(arguments const& with, std::vector<loglab::file> files) : with_(with), files_(std::move(files)) {}

  /// All of it, by these last stages.
  template <class... Last> tandem::outcome<ended> run(Last... last) {
    auto const& [reading, parsing, counting] = with_.modes;
    tandem::stop_on_signal const asked_to(SIGINT, SIGTERM);
    // The first stages alone are told of the signal: what has been read goes its way to the end.
    auto const stop = asked_to.get_stop_token();
    auto const name_files = [stop, next = std::uint32_t{0}, end = static_cast<std::uint32_t>(files_.size())]() mutable {
      return next == end || stop.stop_requested() ? std::nullopt : std::optional(next++);
    };
    auto const read = [stop, files = files_](std::uint32_t number, tandem::outlet<line>& to) {
      loglab::read_lines(files[number], number, to, stop);
    };
    tandem::pipeline flow(
        tandem::stage({.name = "files"}, name_files),
        tandem::stage({.name = "read", .mode = reading, .width = with_.widths[0]}, read),
        tandem::stage({.name = "parse",
                       .mode = parsing,
                       .width = with_.widths[1],
                       .capacity = 16,
                       .batch = with_.batch,
                       .restarts = true},
                      loglab::parser{files_, with_.how, with_.wanted, with_.strict, with_.crash_at},
                      [this](std::optional<line> const& lost, tandem::failure const& why) { report(lost, why); }),
        std::move(last)...);
    auto result = flow.run();
    stopped_ = stop.stop_requested();
    return result;
  }

  std::uint64_t lost() const { return lost_; }
  bool stopped() const { return stopped_; }
  std::string where(loglab::note const& one) const {
    return files_[one.file].path + (one.number == 0 ? "" : ":" + std::to_string(one.number));
  }

 private:
  void report(std::optional<line> const& lost, tandem::failure const& why) {
    constexpr std::uint64_t most_told = 10;
    if (++lost_ > most_told) return;
    auto const what = lost ? where({lost->file, lost->number, {}}) : std::string("a line, perhaps,");
    complain(what + " is lost: " + why.to_string());
  }

  arguments const& with_;
  std::vector<loglab::file> files_;
  std::uint64_t lost_ = 0;
  bool stopped_ = false;
};

/// The last stages that count, and print in the end.
tandem::outcome<ended> count(laboratory& all, arguments const& with) {
  return all.run(
      tandem::stage({.name = "count", .mode = with.modes[2], .width = with.widths[2], .capacity = 32, .batch = 64},
                    loglab::count),
      tandem::stage({.name = "report"}, [&with](tandem::inlet<tally>& in) {
        loglab::counter sum;
        while (auto const one = in.pop()) sum.add(*one);
        auto found = std::move(sum).take();
        int const error = loglab::write_out(to_text(found, with.wanted, with.top, with.by && with.wanted.size() == 1));
        found.counts.clear();
        return ended{std::move(found), error};
      }));
}

/// The last stage that prints each line's fields as they come.
tandem::outcome<ended> print(laboratory& all) {
  return all.run(tandem::stage({.name = "print", .capacity = 32, .batch = 64}, [](tandem::inlet<entry>& in) {
    loglab::counter sum;
    while (auto one = in.pop()) {
      if (one->values.empty()) {
        sum.add(std::move(*one));
        continue;
      }
      std::string text;
      for (bool field_begins = true; char const c : one->values) {
        if (!field_begins) text += c == '\n' ? '\t' : c;
        field_begins = c == '\n';
      }
      text.back() = '\n';
      sum.add(entry{});
      if (int const error = loglab::write_out(text)) return ended{std::move(sum).take(), error};
    }
    return ended{std::move(sum).take(), 0};
  }));
}

status run(arguments const& with) {
  auto const begin = std::chrono::steady_clock::now();
  std::signal(SIGPIPE, SIG_IGN);  // a closed output is an error of write, at which the last stage ends
  loglab::zlib::get();            // before there are threads
  std::vector<loglab::file> files;
  std::vector<loglab::problem> problems;
  for (auto const& path : with.paths) loglab::add(files, problems, path);
  laboratory all(with, files);
  auto const result = with.entries ? print(all) : count(all, with);

  for (auto const& [path, reason] : problems) complain(path + ": " + reason);
  if (!result) {
    auto const& why = result.error();
    complain(why.type() == "loglab::malformed_line" ? why.what() : why.to_string());
    return why.how() == tandem::ending::threw ? incomplete : lines_lost;
  }
  auto const& [found, write_error] = *result;
  if (write_error == EPIPE) {  // as any filter ends whose reader has left
    std::signal(SIGPIPE, SIG_DFL);
    std::raise(SIGPIPE);
  }
  std::uint64_t no_text = 0, unread = problems.size();
  for (auto const& one : found.problems) {
    if (one.text.empty()) {
      ++no_text;
    } else {
      complain(all.where(one) + ": " + one.text);
      ++unread;
    }
  }
  for (auto const& one : found.first_malformed) complain(all.where(one) + ": no line of a log: " + one.text);
  if (found.malformed > found.first_malformed.size())
    complain("and " + std::to_string(found.malformed - found.first_malformed.size()) + " more of " +
             std::to_string(found.lines) + " lines");
  if (all.lost() != 0)
    complain(std::to_string(all.lost()) + (all.lost() == 1 ? " death" : " deaths") +
             " of a parser: each costs a line at most");
  if (all.stopped()) complain("stopped: this is what was read until then");
  if (write_error != 0) complain("the output cannot be written: " + std::generic_category().message(write_error));
  if (with.summary) {
    std::chrono::duration<double> const time = std::chrono::steady_clock::now() - begin;
    std::fprintf(stderr, "%zu files, %llu lines in %.3f s: %.0f a second", files.size(),
                 static_cast<unsigned long long>(found.lines), time.count(),
                 static_cast<double>(found.lines) / time.count());
    for (std::size_t i = 0; i < 3; ++i)
      std::fprintf(stderr, "%s %zu %s", i == 0 ? "; read, parse, count:" : ",", with.widths[i],
                   std::string(to_string(with.modes[i])).c_str());
    std::fprintf(stderr, "; %llu files are no text\n", static_cast<unsigned long long>(no_text));
  }
  if (all.lost() != 0) return lines_lost;
  return unread != 0 || write_error != 0 || all.stopped() ? incomplete : all_read;
}

}  // namespace

int main(int argc, char** argv) {
  arguments with;
  std::string mode = "thread", how = "auto";
  std::array<std::string, 3> modes;
  std::vector<std::string> by;
  with.widths[1] = std::max(1U, std::thread::hardware_concurrency());

  CLI::App app("Counts what logs say: web servers' (combined), syslog, dpkg.log; or the words of any text.", "loglab");
  app.add_option("path", with.paths, "Files, plain or gzip, and folders; -: standard input; default: /var/log");
  app.add_option("--format", how, "What a line looks like; auto: as whichever fits")
      ->check(CLI::IsMember({"auto", "combined", "syslog", "dpkg", "words"}))
      ->capture_default_str();
  app.add_option("--by", by,
                 "What to count: host, status, method, path, hour, program, message, action, package, word; several "
                 "with commas; default: what is usual for the format")
      ->delimiter(',')
      ->allow_extra_args(false);
  app.add_option("--top", with.top, "How many of each to print; 0: all")->capture_default_str();
  app.add_flag("--entries", with.entries, "Print the fields of each line as they come, with tabs, instead of counting");
  app.add_flag("--strict", with.strict, "End at a line that is none of a log, instead of counting it");
  app.add_option("--mode", mode, "What the units of all stages are: thread or process")
      ->check(CLI::IsMember({"thread", "process"}))
      ->capture_default_str();
  char const* const stages[] = {"read", "parse", "count"};
  char const* const units[] = {"--readers", "--parsers", "--counters"};
  for (std::size_t i = 0; i < 3; ++i) {
    app.add_option(std::string("--") + stages[i] + "-mode", modes[i], "Those of this stage alone")
        ->check(CLI::IsMember({"thread", "process"}));
    app.add_option(units[i], with.widths[i], "How many units, 1 to 256")
        ->check(CLI::Range(1U, 256U))
        ->capture_default_str();
  }
  app.add_option("--batch", with.batch, "How many lines are handed on at once, 1 to 4096")
      ->check(CLI::Range(1U, 4096U))
      ->capture_default_str();
  app.add_option("--crash-at", with.crash_at, "The parser crashes at this line of each file: to see what happens then");
  app.add_flag("--summary", with.summary, "Say on stderr what was read, and in what time");
  app.footer(
      "Exit status: 0 all was read; 1 something could not be read or written, or, with --strict, a line was none of a "
      "log, or it was stopped; 2 wrong usage; 3 a parser died, or another unit. Who closes the output ends it by "
      "SIGPIPE.");
  app.failure_message([](CLI::App const*, CLI::Error const& error) {
    return std::string("loglab: ") + error.what() + "\nloglab --help tells what there is\n";
  });
  try {
    app.parse(argc, argv);
  } catch (CLI::ParseError const& error) { return app.exit(error) == 0 ? all_read : wrong_usage; }

  for (std::size_t i = 0; i < 3; ++i) with.modes[i] = *tandem::mode_from_string(modes[i].empty() ? mode : modes[i]);
  if (with.paths.empty()) with.paths.push_back("/var/log");
  for (auto const& format : loglab::formats()) {
    if (format.name != how) continue;
    with.how = format.is;
    for (auto const& name : by) {
      auto const is = loglab::field_named(name);
      if (!is || std::find(format.fields.begin(), format.fields.end(), *is) == format.fields.end()) {
        complain("--by=" + name + ": " + how + " has no such field");
        return wrong_usage;
      }
      with.wanted.push_back(*is);
    }
    with.by = !by.empty();
    if (!with.by)
      with.wanted.assign(format.fields.begin(), format.fields.begin() + static_cast<std::ptrdiff_t>(format.usual));
  }

  try {
    return run(with);
  } catch (std::exception const& error) {
    complain(error.what());
    return lines_lost;
  }
}
