// SPDX-License-Identifier: BSL-1.0
#include "support/random_kill.hpp"

#include <csignal>    // for SIGKILL
#include <random>     // for mt19937_64
#include <stdexcept>  // for invalid_argument
#include <thread>     // for sleep_for
#include <vector>     // for vector

#include "support/child.hpp"

namespace tandem_test {

storm_report random_kill(kill_storm const& storm) {
  if (!storm.work || storm.workers < 1) throw std::invalid_argument("random_kill: a worker and its work are needed");
  storm_report report{.seed = storm.seed};
  std::mt19937_64 random{storm.seed};
  auto const complain = [&](verdict const& found) {
    if (!found.fine() && report.failures++ == 0)
      report.complaint = "after " + std::to_string(report.kills) + " kills: " + found.complaint();
  };
  auto const start = [&](int worker) {
    return child_process([&storm, worker, seed = random()] { storm.work(worker, seed); });
  };

  std::vector<child_process> workers;
  for (int i = 0; i < storm.workers; ++i) workers.push_back(start(i));
  for (long n = 0; n < storm.kills && !workers.empty(); ++n) {
    std::uniform_int_distribution<std::int64_t> pause(0, storm.pause.count());
    std::this_thread::sleep_for(std::chrono::microseconds(pause(random)));
    auto const chosen = static_cast<std::size_t>(random() % workers.size());
    auto const end = workers[chosen].kill();
    if (end.signal == SIGKILL) {
      ++report.kills;
    } else if (end.passed()) {
      ++report.returned;
    } else {
      complain(verdict("a worker ended by itself: " + end.to_string()));
    }
    if (storm.check) complain(storm.check(static_cast<int>(chosen)));
    if (storm.restart) {
      workers[chosen] = start(static_cast<int>(chosen));
    } else {
      workers.erase(workers.begin() + static_cast<std::ptrdiff_t>(chosen));
    }
  }
  workers.clear();  // kills and reaps
  if (storm.finally) complain(storm.finally());
  return report;
}

std::string storm_report::to_string() const {
  auto text = std::to_string(kills) + " kills, " + std::to_string(returned) + " ended before theirs, " +
              std::to_string(failures) + " failures";
  if (failures != 0) text += "; " + complaint;
  return text + " (TANDEM_TEST_SEED=" + std::to_string(seed) + ")";
}

}  // namespace tandem_test
