// SPDX-License-Identifier: BSL-1.0
// What a worker does, and what the auditor does, be they threads or processes: nothing in here knows.
#ifndef TANDEM_EXAMPLES_LEDGER_WORKER_HPP
#define TANDEM_EXAMPLES_LEDGER_WORKER_HPP

#include <chrono>     // for steady_clock, nanoseconds
#include <cstdint>    // for uint64_t
#include <stdexcept>  // for runtime_error
#include <vector>     // for vector

#include <tandem/tandem.hpp>

#include "books.hpp"
#include "journal.hpp"

namespace ledger {

/// What a worker is told. It crosses the wall by value, as it is.
struct settings {
  std::chrono::nanoseconds work{0};           // that a transfer takes while it holds its accounts
  std::chrono::milliseconds audit_every{20};  // 0: never
  bool careless = false;
};

/// How a thread ends that the reaper has chosen.
struct reaped : std::runtime_error {
  reaped() : std::runtime_error("the reaper has come") {}
};

/// Between two steps of a transfer.
class moment {
 public:
  moment(lane const& mine, std::chrono::nanoseconds lasts) : mine_(mine), lasts_(lasts) {}

  void operator()() const {
    if (mine_.doomed.load(std::memory_order_relaxed)) throw reaped();
    if (lasts_.count() == 0) return;
    using clock = std::chrono::steady_clock;
    for (auto const until = clock::now() + lasts_; clock::now() < until;) {}
  }

 private:
  lane const& mine_;
  std::chrono::nanoseconds lasts_;
};

/// Makes the transfers of one lane that are not done yet.
template <class Mutex>
void work(tandem::stop_token stop, journal const& what, books<Mutex> all, std::uint64_t place, settings with) {
  lane const& mine = all.lanes[place];
  moment const between(mine, with.work / 6);
  for (std::uint64_t done = mine.done; !stop.stop_requested(); ++done) {
    std::uint64_t const number = done * all.workers() + place;
    if (number >= what.transfers.size()) return;
    between();
    if (with.careless)
      make_carelessly(all, what, number, between);
    else
      make(all, what, number, between);
  }
}

/// Holds all accounts at once, now and then, and adds them up.
template <class Mutex> void audit(tandem::stop_token stop, books<Mutex> all, cents total, settings with) {
  moment const between(all.lanes[all.workers()], std::chrono::nanoseconds(0));
  while (!stop.wait_for(with.audit_every)) {
    cents sum = 0;
    std::vector<decltype(hold(all, all.accounts[0]))> held;
    held.reserve(all.accounts.size());
    for (auto& it : all.accounts) {
      between();
      held.push_back(hold(all, it));
      sum += it.balance.load(std::memory_order_relaxed);
    }
    if (sum != total) ++all.counts->wrong_audits;
    ++all.counts->audits;
  }
}

}  // namespace ledger

#endif  // TANDEM_EXAMPLES_LEDGER_WORKER_HPP
