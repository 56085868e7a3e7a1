// SPDX-License-Identifier: BSL-1.0
// Follows the units of a pipeline from their start to the end of the last one.
#ifndef TANDEM_CREW_IMPL_PIPELINE_RUN_HPP
#define TANDEM_CREW_IMPL_PIPELINE_RUN_HPP

#include <cstddef>   // for size_t
#include <cstdint>   // for SIZE_MAX
#include <memory>    // for unique_ptr
#include <optional>  // for nullopt, optional
#include <utility>   // for move
#include <vector>    // for vector

#include "tandem/core/failure.hpp"         // for failure
#include "tandem/crew/impl/stage_run.hpp"  // for running_stage
#include "tandem/resource/event.hpp"       // for event
#include "tandem/sync/stop_token.hpp"      // for stop_token
#include "tandem/sync/wait_set.hpp"        // for wait_set

namespace tandem::impl {

class pipeline_run {
 public:
  pipeline_run() = default;
  pipeline_run(pipeline_run const&) = delete;

  void add(std::unique_ptr<running_stage> one) { stages_.push_back({std::move(one)}); }

  /// Until all units have ended: the failure that ended them, or nothing. @throws what keeps a unit from its start, and
  /// what a report throws; no unit is left then either
  std::optional<failure> run(stop_token const& stop) {
    try {
      ends_.add(news_, news_key);
      // Processes first: they are forked from a program that has fewer threads then.
      for (auto& one : stages_)
        for (std::size_t at = 0; at < one.is->options().width; ++at) one.is->prepare(at);
      for (bool const processes : {true, false})
        for (std::size_t number = 0; number < stages_.size(); ++number)
          if (stages_[number].is->has_processes() == processes) start(number);
      while (!given_up_ && left_ != 0) {
        auto const key = ends_.wait(stop);
        if (!key) {
          give_up();
        } else if (*key == news_key) {
          read_news();
          ends_.add(news_, news_key);
        } else {
          ended(*key / most_units, *key % most_units);
        }
      }
    } catch (...) {
      give_up();
      throw;  // their destructors join them
    }
    join_all();
    read_news();
    return failed_;
  }

 private:
  static constexpr std::size_t most_units = 1024, news_key = SIZE_MAX;

  struct followed {
    std::unique_ptr<running_stage> is;
    std::size_t left = 0;
  };

  void start(std::size_t number) {
    auto& one = stages_[number];
    for (std::size_t at = 0; at < one.is->options().width; ++at) {
      one.is->start(at, news_, ends_, number * most_units + at);
      ++one.left, ++left_;
    }
  }

  void read_news() {
    static_cast<void>(news_.try_wait());
    for (auto& one : stages_) one.is->report();
  }

  void ended(std::size_t number, std::size_t at) {
    auto& one = stages_[number];
    failed_ = one.is->join(at);
    if (failed_) return give_up();
    --left_;
    if (--one.left != 0) return;
    one.is->let_go();
    for (std::size_t before = 0; before < number; ++before)
      if (stages_[before].left != 0) stages_[before].is->request_stop();  // for nobody any more
  }

  void give_up() noexcept {
    if (given_up_) return;
    given_up_ = true;
    for (auto& one : stages_) one.is->request_stop();
    for (auto& one : stages_) one.is->close();
  }

  /// Those that are still there, when all is to end.
  void join_all() {
    for (auto& one : stages_) {
      for (std::size_t at = 0; at < one.is->options().width; ++at) {
        if (!one.is->is_there(at)) continue;
        auto const why = one.is->join(at);
        if (why && !failed_) failed_ = why;
      }
    }
  }

  std::vector<followed> stages_;
  event news_;
  wait_set<std::size_t> ends_;
  std::size_t left_ = 0;
  bool given_up_ = false;
  std::optional<failure> failed_;
};

}  // namespace tandem::impl

#endif  // TANDEM_CREW_IMPL_PIPELINE_RUN_HPP
