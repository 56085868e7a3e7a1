// SPDX-License-Identifier: BSL-1.0
// --mode=process: each run of a plugin over a file is a process. Whatever it does there is an outcome here.
#ifndef TANDEM_EXAMPLES_PLUGIN_HOST_CONTAINED_HPP
#define TANDEM_EXAMPLES_PLUGIN_HOST_CONTAINED_HPP

#include <malloc.h>        // for mallinfo2
#include <sys/resource.h>  // for getrusage, setrlimit

#include <algorithm>  // for max
#include <array>      // for array
#include <atomic>     // for atomic
#include <cstdint>    // for uint64_t
#include <optional>   // for optional
#include <string>     // for string
#include <utility>    // for move
#include <vector>     // for vector

#include <tandem/tandem.hpp>

#include "plugin.hpp"
#include "task.hpp"

namespace plugin_host {

/// What a run comes to that ends as it should. It comes home by value.
struct run_result {
  bool accepted = false;
  std::string summary;
  std::uint64_t leaked = 0;  // bytes that were not freed
  std::uint64_t peak = 0;    // bytes that were resident
};

/// In a process of its own.
inline run_result run_plugin(std::string const& path, std::string const& file) {
  rlimit const no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  plugin const& loaded = load(path);
  std::string const bytes = read_file(file);
  std::array<char, summary_bytes> summary{};
  run_result result;
  auto const in_use = ::mallinfo2().uordblks + ::mallinfo2().hblkhd;
  result.accepted = loaded.process(bytes.data(), bytes.size(), summary.data(), summary.size()) == 0;
  auto const in_use_now = ::mallinfo2().uordblks + ::mallinfo2().hblkhd;
  result.leaked = in_use_now > in_use ? in_use_now - in_use : 0;
  summary.back() = '\0';
  result.summary = summary.data();
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  result.peak = static_cast<std::uint64_t>(used.ru_maxrss) * 1024;
  return result;
}

/// What all runs of a plugin come to: an outcome for each file.
using outcomes = std::vector<std::optional<tandem::outcome<run_result>>>;

/// As many at a time as there are to be jobs: each thread starts a process, waits for it, and takes the next file.
inline outcomes run_contained(task const& all, std::string const& path, progress& line) {
  outcomes results(all.files.size());
  std::atomic<std::size_t> next{0}, done{0};
  std::vector<tandem::thread<>> starters;
  std::string const name = name_of(path);
  for (unsigned i = 0; i < all.jobs; ++i) {
    starters.emplace_back([&] {
      for (std::size_t index; (index = next.fetch_add(1)) < all.files.size(); done.fetch_add(1)) {
        tandem::process run{
            {.name = name, .report_crash = true, .timeout = all.timeout}, run_plugin, path, all.files[index]};
        results[index] = run.join();
      }
    });
  }
  for (auto& one : starters) {
    auto ended = one.join_for(std::chrono::milliseconds(50));
    for (; !ended; ended = one.join_for(std::chrono::milliseconds(50))) line.show(name, done.load(), all.files.size());
    static_cast<void>(ended->value());  // throws where a process could not be started
  }
  return results;
}

}  // namespace plugin_host

#endif  // TANDEM_EXAMPLES_PLUGIN_HOST_CONTAINED_HPP
