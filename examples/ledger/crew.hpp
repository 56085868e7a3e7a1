// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_EXAMPLES_LEDGER_CREW_HPP
#define TANDEM_EXAMPLES_LEDGER_CREW_HPP

#include <algorithm>  // for min
#include <chrono>     // for milliseconds, steady_clock
#include <csignal>    // for SIGKILL
#include <cstdint>    // for uint64_t
#include <random>     // for mt19937_64
#include <string>     // for string, to_string
#include <vector>     // for vector

#include <tandem/tandem.hpp>

#include "books.hpp"
#include "journal.hpp"
#include "worker.hpp"

namespace ledger {

struct reaping {
  std::uint64_t kills = 0;
  std::chrono::milliseconds every{10};  // on average
  std::uint64_t seed = 1;
  std::chrono::milliseconds patience{10'000};
};

enum class result { done, stopped, failed, stuck };

/// The workers and their auditor, each in its place; one that the reaper ends, or somebody else kills, is replaced.
template <class Mutex> class crew {
 public:
  using clock = std::chrono::steady_clock;

  crew(tandem::mode mode, journal const& what, books<Mutex> const& all, settings const& with, reaping const& how)
      : mode_(mode),
        what_(what),
        all_(all),
        with_(with),
        how_(how),
        random_(how.seed),
        members_(all.lanes.size()),
        chosen_(members_.size()) {}
  crew(crew const&) = delete;

  /// Until all transfers are done; or a stop is requested; or something fails, `why` says what; or nothing has moved
  /// for as long as there is patience: then who could be killed was, and threads are still stuck.
  result run(tandem::stop_token const& stop, std::string& why) {
    workers_left_ = all_.workers();
    for (std::size_t place = 0; place < members_.size(); ++place)
      if (place != auditor() || with_.audit_every.count() != 0) start(place);
    auto next_kill = clock::now() + pause();
    auto last_change = clock::now();
    std::uint64_t last_count = 0;
    while (!ends_.empty()) {
      if (stop.stop_requested()) return end_all(result::stopped);
      auto const until =
          kills_ < how_.kills ? std::min(next_kill, last_change + how_.patience) : last_change + how_.patience;
      if (auto const ended = ends_.wait(stop, std::min(until, clock::now() + std::chrono::milliseconds(500)))) {
        if (auto const outcome = members_[*ended].join(); !outcome && !is_replaced(*ended, outcome.error())) {
          why = outcome.error().to_string();
          return end_all(result::failed);
        } else if (outcome) {
          finished(*ended);
        }
      }
      if (kills_ < how_.kills && workers_left_ != 0 && clock::now() >= next_kill) {
        reap();
        next_kill = clock::now() + pause();
      }
      if (auto const now = count(); now != last_count) {
        last_count = now;
        last_change = clock::now();
      } else if (clock::now() - last_change > how_.patience) {
        return end_all(result::stuck);
      }
    }
    return result::done;
  }

  std::uint64_t workers_reaped() const { return workers_reaped_; }
  std::uint64_t auditors_reaped() const { return auditors_reaped_; }

 private:
  std::size_t auditor() const { return members_.size() - 1; }

  void start(std::size_t place) {
    chosen_[place] = false;
    all_.lanes[place].doomed = false;
    if (place == auditor()) {
      members_[place] = tandem::spawn(mode_, {.name = "auditor"}, audit<Mutex>, all_, what_.total(), with_);
    } else {
      members_[place] = tandem::spawn(mode_, {.name = "worker " + std::to_string(place + 1)}, work<Mutex>,
                                      tandem::borrow(what_), all_, std::uint64_t{place}, with_);
    }
    ends_.add(members_[place], place);
  }

  /// Somebody at random dies: at SIGKILL a process, wherever it is; a thread throws at its next moment.
  void reap() {
    auto const place = static_cast<std::size_t>(random_() % members_.size());
    auto& one = members_[place];
    if (!one.joinable() || chosen_[place]) return;
    if (auto* const process = one.as_process())
      process->kill(SIGKILL);
    else
      all_.lanes[place].doomed = true;
    chosen_[place] = true;
    ++kills_;
  }

  bool is_replaced(std::size_t place, tandem::failure const& failure) {
    if (failure.signal() == 0 && !chosen_[place]) return false;
    ++(place == auditor() ? auditors_reaped_ : workers_reaped_);
    start(place);
    if (workers_left_ == 0) members_[place].request_stop();
    return true;
  }

  void finished(std::size_t place) {
    if (place != auditor() && --workers_left_ == 0 && members_[auditor()].joinable())
      members_[auditor()].request_stop();
  }

  result end_all(result how) {
    for (auto& one : members_) {
      one.request_stop();
      if (auto* const process = one.as_process(); how == result::stuck && process != nullptr && process->joinable())
        process->kill(SIGKILL);
    }
    if (how != result::stuck || mode_ == tandem::mode::process) {
      for (auto& one : members_)
        if (one.joinable()) static_cast<void>(one.join().has_value());
    }
    return how;
  }

  /// Grows as long as anything happens.
  std::uint64_t count() const {
    std::uint64_t sum = all_.counts->audits + workers_reaped_ + auditors_reaped_;
    for (auto const& one : all_.lanes) sum += one.done;
    return sum;
  }

  std::chrono::nanoseconds pause() {
    return std::chrono::nanoseconds(how_.every) * static_cast<std::int64_t>(random_() % 2000) / 1000;
  }

  tandem::mode mode_;
  journal const& what_;
  books<Mutex> const& all_;
  settings with_;
  reaping how_;
  std::mt19937_64 random_;
  std::vector<tandem::unit<>> members_;
  std::vector<bool> chosen_;  // by the reaper
  tandem::wait_set<std::size_t> ends_;
  std::uint64_t workers_left_ = 0;
  std::uint64_t kills_ = 0, workers_reaped_ = 0, auditors_reaped_ = 0;
};

}  // namespace ledger

#endif  // TANDEM_EXAMPLES_LEDGER_CREW_HPP
