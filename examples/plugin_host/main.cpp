// SPDX-License-Identifier: BSL-1.0
// Runs plugins that are not to be trusted over real files: as processes, where what goes wrong stays in the plugin, or
// as threads, where it becomes the host's.
#include <algorithm>   // for find, max, min
#include <chrono>      // for milliseconds
#include <cstdio>      // for fprintf, printf
#include <exception>   // for exception
#include <filesystem>  // for exists, read_symlink
#include <string>      // for string
#include <thread>      // for thread::hardware_concurrency
#include <vector>      // for vector

#include <CLI/CLI.hpp>
#include <tandem/tandem.hpp>

#include "contained.hpp"
#include "exposed.hpp"
#include "plugin.hpp"
#include "task.hpp"

namespace {

enum status { told = 0, failed = 1, wrong_usage = 2 };

struct arguments {
  tandem::mode mode = tandem::mode::process;
  std::string plugins;
  std::string folder;
  std::string results;
  std::vector<std::string> only;
  std::size_t files = 100;
  int timeout_ms = 500;
  unsigned jobs = 1;
};

void complain(std::string const& text) { std::fprintf(stderr, "plugin_host: %s\n", text.c_str()); }

/// The frames of a report from the crash to the plugin's outermost function.
void print_crash(tandem::crash_report const& report) {
  std::string const text = report.to_string();
  std::printf("    %s\n", text.substr(0, text.find('\n')).c_str());
  auto const& frames = report.backtrace;
  std::size_t last = 0;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    if (frames[i].find(".so(") != std::string::npos && frames[i].find("/lib") == std::string::npos) last = i;
  }
  for (std::size_t i = 0; i <= last && i < frames.size(); ++i) std::printf("      #%zu %s\n", i, frames[i].c_str());
}

struct counts {
  std::size_t done = 0, refused = 0, threw = 0, crashed = 0, timed_out = 0;
  std::uint64_t leaked = 0, peak = 0;
};

void run_all_contained(plugin_host::task const& all, std::FILE* results) {
  plugin_host::progress line;
  std::vector<std::pair<std::string, plugin_host::outcomes>> ended;
  for (auto const& path : all.plugins)
    ended.emplace_back(plugin_host::name_of(path), plugin_host::run_contained(all, path, line));
  line.erase();

  std::printf("%-16s %6s %8s %7s %8s %10s %10s %10s\n", "plugin", "done", "refused", "failed", "crashed", "timed out",
              "leaked", "peak");
  for (auto const& [name, outcomes] : ended) {
    counts of;
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
      auto const& outcome = *outcomes[i];
      if (outcome) {
        ++(outcome->accepted ? of.done : of.refused);
        of.leaked += outcome->leaked;
        of.peak = std::max(of.peak, outcome->peak);
        if (results != nullptr)
          std::fprintf(results, "%s\t%s\t%s\n", name.c_str(), all.files[i].c_str(), outcome->summary.c_str());
        continue;
      }
      auto const& error = outcome.error();
      ++(error.timed_out() ? of.timed_out : error.how() == tandem::ending::signaled ? of.crashed : of.threw);
      of.peak = std::max(of.peak, error.usage().peak_memory.value_or(0));
    }
    std::printf("%-16s %6zu %8zu %7zu %8zu %10zu %10s %10s\n", name.c_str(), of.done, of.refused, of.threw, of.crashed,
                of.timed_out, plugin_host::megabytes(static_cast<double>(of.leaked)).c_str(),
                plugin_host::megabytes(static_cast<double>(of.peak)).c_str());
  }

  constexpr std::size_t shown = 3;
  for (auto const& [name, outcomes] : ended) {
    std::size_t failures = 0;
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
      auto const& outcome = *outcomes[i];
      if (outcome || ++failures > shown) continue;
      std::printf("\n%s: %s\n", all.files[i].c_str(), outcome.error().to_string().c_str());
      if (outcome.error().crash()) print_crash(*outcome.error().crash());
    }
    if (failures > shown) std::printf("\n... and %s failed on %zu more files\n", name.c_str(), failures - shown);
  }
}

std::string join(std::vector<std::string> const& names) {
  std::string text;
  for (auto const& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

void run_all_exposed(plugin_host::task const& all, std::string const& text_info) {
  plugin_host::progress line;
  for (auto const& path : all.plugins) {
    auto const end = plugin_host::run_exposed(all, path, text_info, line);
    line.erase();
    auto const name = plugin_host::name_of(path);
    std::string const at = end.running.empty() ? "" : "; its threads were at " + join(end.running);
    std::string what;
    bool const crashed = !end.outcome.has_value() && end.outcome.error().crash().has_value();
    if (end.killed_for_thread) {
      what = "the host had to be killed: a thread that does not return cannot be ended" + at;
    } else if (!end.outcome.has_value()) {
      what = "the host died: " + end.outcome.error().to_string() + at;
    } else {
      what = "the host lives, and has grown by " + plugin_host::megabytes(static_cast<double>(end.outcome->grown));
      if (end.outcome->others_changed != 0) {
        what += "; results of text_info, which is another plugin, were changed: " +
                std::to_string(end.outcome->others_changed) + ", the first that of " + end.outcome->first_changed;
      }
    }
    std::printf("%s: %zu of %zu files done; %s\n", name.c_str(), end.done, all.files.size(), what.c_str());
    if (crashed) print_crash(*end.outcome.error().crash());
  }
}

status run(arguments const& with) {
  plugin_host::task all;
  std::string text_info;
  for (auto const& path : plugin_host::plugins_in(with.plugins)) {
    auto const name = plugin_host::name_of(path);
    if (name == "text_info") text_info = path;
    if (with.only.empty() || std::find(with.only.begin(), with.only.end(), name) != with.only.end())
      all.plugins.push_back(path);
  }
  if (all.plugins.empty()) {
    complain("there is no such plugin in " + with.plugins);
    return failed;
  }
  all.files = plugin_host::files_in(with.folder, with.files);
  if (all.files.empty()) {
    complain("there is no file to work on in " + with.folder);
    return failed;
  }
  all.timeout = std::chrono::milliseconds(with.timeout_ms);
  all.jobs = with.jobs;
  std::printf("%zu plugins over %zu files of %s (mode: %s)\n\n", all.plugins.size(), all.files.size(),
              with.folder.c_str(), std::string(to_string(with.mode)).c_str());
  if (with.mode == tandem::mode::thread) {
    if (text_info.empty()) {
      complain("this mode needs the plugin text_info in " + with.plugins);
      return failed;
    }
    std::fflush(stdout);
    run_all_exposed(all, text_info);
  } else {
    std::FILE* results = nullptr;
    if (!with.results.empty() && (results = std::fopen(with.results.c_str(), "we")) == nullptr)
      throw std::system_error(errno, std::generic_category(), with.results);
    run_all_contained(all, results);
    if (results != nullptr && std::fclose(results) != 0)
      throw std::system_error(errno, std::generic_category(), with.results);
  }
  if (std::fflush(stdout) == 0) return told;
  complain("the output cannot be written: " + std::generic_category().message(errno));
  return failed;
}

/// Where there is something to read on any machine.
std::string default_folder() {
  for (char const* const folder : {"/usr/include", "/usr/share/doc", "/etc"}) {
    std::error_code error;
    if (std::filesystem::exists(folder, error)) return folder;
  }
  return ".";
}

}  // namespace

int main(int argc, char** argv) {
  arguments with;
  std::error_code error;
  with.plugins = (std::filesystem::read_symlink("/proc/self/exe", error).parent_path() / "plugins").string();
  with.folder = default_folder();
  with.jobs = std::clamp(std::thread::hardware_concurrency(), 1U, static_cast<unsigned>(plugin_host::most_jobs));
  std::string mode = "process";

  CLI::App app("Runs plugins over the files of a folder, and tells what each of them did.", "plugin_host");
  app.add_option("--mode", mode, "What a plugin runs in: process, or thread (of a host that may die of it)")
      ->check(CLI::IsMember({"thread", "process"}))
      ->capture_default_str();
  app.add_option("--dir", with.folder, "The folder with the files")->capture_default_str();
  app.add_option("--files", with.files, "How many of them, spread evenly; those of more than 1 MiB are left out")
      ->check(CLI::Range(std::size_t{1}, std::size_t{1000000}))
      ->capture_default_str();
  app.add_option("--plugins", with.plugins, "The folder with the plugins")->capture_default_str();
  app.add_option("--only", with.only, "Only the plugins of these names");
  app.add_option("--timeout", with.timeout_ms, "How long a run over a file may take, in milliseconds")
      ->check(CLI::Range(1, 3600000))
      ->capture_default_str();
  app.add_option("--jobs", with.jobs, "How many at a time")
      ->check(CLI::Range(1U, static_cast<unsigned>(plugin_host::most_jobs)))
      ->capture_default_str();
  app.add_option("--results", with.results, "A file for what the plugins said: plugin, file, summary (mode process)");
  app.footer(
      "Exit status: 0 the plugins ran, whatever became of them; 1 something could not be read or written; 2 wrong "
      "usage.");
  app.failure_message([](CLI::App const*, CLI::Error const& wrong) {
    return std::string("plugin_host: ") + wrong.what() + "\nplugin_host --help tells what there is\n";
  });
  try {
    app.parse(argc, argv);
  } catch (CLI::ParseError const& wrong) { return app.exit(wrong) == 0 ? told : wrong_usage; }
  with.mode = *tandem::mode_from_string(mode);

  try {
    return run(with);
  } catch (std::exception const& wrong) {
    complain(wrong.what());
    return failed;
  }
}
