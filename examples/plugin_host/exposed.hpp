// SPDX-License-Identifier: BSL-1.0
// --mode=thread: plugins run in threads of their host, as they commonly do, and the host has what comes of it. To live
// to tell, the program lets a process be the host, a fresh one for each plugin.
#ifndef TANDEM_EXAMPLES_PLUGIN_HOST_EXPOSED_HPP
#define TANDEM_EXAMPLES_PLUGIN_HOST_EXPOSED_HPP

#include <sys/resource.h>  // for setrlimit
#include <unistd.h>        // for sysconf

#include <array>    // for array
#include <atomic>   // for atomic
#include <chrono>   // for steady_clock
#include <csignal>  // for SIGKILL
#include <cstdint>  // for int64_t, uint64_t
#include <fstream>  // for ifstream
#include <memory>   // for make_unique
#include <string>   // for string
#include <vector>   // for vector

#include <tandem/tandem.hpp>

#include "plugin.hpp"
#include "task.hpp"

namespace plugin_host {

inline constexpr std::size_t most_jobs = 64;

/// What a host's threads are at, in memory that outlives it.
struct host_log {
  struct job {
    std::atomic<std::int64_t> began{0};  // steady_clock, ns; 0: not running
    std::atomic<std::size_t> file{0};
  };
  std::array<job, most_jobs> jobs;
  std::atomic<std::size_t> done{0};
};

/// What a host that lives to its end has to say.
struct host_result {
  std::size_t others_changed = 0;  // results of text_info that are not what text_info gave
  std::string first_changed;
  std::uint64_t grown = 0;  // resident bytes that stayed
};

/// What a host holds for a file: what the plugin says of it, and beside it what text_info had said before.
struct row {
  char summary[summary_bytes];
  char text_info[summary_bytes];
};

inline std::uint64_t resident_bytes() {
  std::uint64_t all = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> all >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

inline std::int64_t now_ns() { return std::chrono::steady_clock::now().time_since_epoch().count(); }

inline void run_in_thread(task const& all, plugin const& loaded, std::vector<row>& rows, std::atomic<std::size_t>& next,
                          host_log& log, host_log::job& mine) {
  for (std::size_t index; (index = next.fetch_add(1)) < all.files.size(); log.done.fetch_add(1)) {
    std::string const bytes = read_file(all.files[index]);
    mine.file.store(index);
    mine.began.store(now_ns());
    loaded.process(bytes.data(), bytes.size(), rows[index].summary, summary_bytes);
    mine.began.store(0);
  }
}

/// The host: text_info first, whose results are to be kept, then the plugin over all files.
inline host_result be_host(task const& all, std::string const& path, std::string const& text_info,
                           tandem::shared<host_log> log) {
  rlimit const no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  std::vector<row> rows(all.files.size() + 16);  // some room: a plugin that writes too far is not to hit malloc's own
  std::vector<std::string> before;
  plugin const& good = load(text_info);
  for (std::size_t i = 0; i < all.files.size(); ++i) {
    std::string const bytes = read_file(all.files[i]);
    good.process(bytes.data(), bytes.size(), rows[i].text_info, summary_bytes);
    before.emplace_back(rows[i].text_info);
  }
  plugin const& loaded = load(path);
  std::uint64_t const resident = resident_bytes();
  {
    std::atomic<std::size_t> next{0};
    std::vector<tandem::thread<>> workers;
    for (unsigned i = 0; i < all.jobs; ++i)
      workers.emplace_back([&, i] { run_in_thread(all, loaded, rows, next, *log, log->jobs[i]); });
    for (auto& one : workers) one.join().value();
  }
  host_result result;
  std::uint64_t const resident_now = resident_bytes();
  result.grown = resident_now > resident ? resident_now - resident : 0;
  for (std::size_t i = 0; i < all.files.size(); ++i) {
    if (rows[i].text_info == before[i]) continue;
    if (result.others_changed++ == 0) result.first_changed = all.files[i];
  }
  return result;
}

/// What became of a host.
struct host_end {
  tandem::outcome<host_result> outcome;
  std::size_t done = 0;
  std::vector<std::string> running;  // the files that its threads were at
  bool killed_for_thread = false;    // a thread did not return, and cannot be ended alone
};

inline host_end run_exposed(task const& all, std::string const& path, std::string const& text_info, progress& line) {
  tandem::shared<host_log> log;
  tandem::process host{{.name = "host of " + name_of(path), .report_crash = true}, be_host, all, path, text_info, log};
  bool killed = false;
  auto ended = host.join_for(std::chrono::milliseconds(20));
  for (; !ended; ended = host.join_for(std::chrono::milliseconds(20))) {
    line.show(name_of(path), log->done.load(), all.files.size());
    for (auto const& job : log->jobs) {
      std::int64_t const began = job.began.load();
      if (killed || began == 0 || now_ns() - began < std::chrono::nanoseconds(all.timeout).count()) continue;
      host.kill(SIGKILL);
      killed = true;
    }
  }
  host_end end{std::move(*ended), log->done.load(), {}, killed};
  for (auto const& job : log->jobs) {
    if (job.began.load() != 0) end.running.push_back(all.files[job.file.load()]);
  }
  return end;
}

}  // namespace plugin_host

#endif  // TANDEM_EXAMPLES_PLUGIN_HOST_EXPOSED_HPP
