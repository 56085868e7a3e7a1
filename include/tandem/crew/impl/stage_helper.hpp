// SPDX-License-Identifier: BSL-1.0
// How a stage restarts. Each of its units is a thread here, which cannot die, and has a process to help it: sends it
// batches, keeps them until their results are back, and hands those on. When the helper has died, the unit knows at
// which element: that one is lost, and the rest of the batches goes to another helper. So whatever it died at, in its
// own function or in the middle of a queue, no more is lost, and nothing is handed on twice.
#ifndef TANDEM_CREW_IMPL_STAGE_HELPER_HPP
#define TANDEM_CREW_IMPL_STAGE_HELPER_HPP

#include <atomic>       // for atomic
#include <cstddef>      // for size_t
#include <cstdint>      // for uint32_t, uint64_t
#include <deque>        // for deque
#include <exception>    // for current_exception
#include <optional>     // for nullopt, optional
#include <string>       // for string
#include <type_traits>  // for is_invocable_v
#include <utility>      // for move
#include <vector>       // for vector

#include "tandem/core/failure.hpp"          // for ending, failure, unit_died
#include "tandem/crew/impl/stage_work.hpp"  // for batches, handed_on, left_out, use_one
#include "tandem/crew/outlet.hpp"           // for outlet
#include "tandem/crew/stage.hpp"            // for stage_options
#include "tandem/execution/options.hpp"     // for options
#include "tandem/execution/process.hpp"     // for process
#include "tandem/execution/this_unit.hpp"   // for this_unit::name
#include "tandem/memory/shared.hpp"         // for shared
#include "tandem/queue/queue_consumer.hpp"  // for queue_consumer
#include "tandem/queue/queue_producer.hpp"  // for queue_producer
#include "tandem/resource/event.hpp"        // for event
#include "tandem/sync/stop_token.hpp"       // for stop_callback, stop_token

namespace tandem::impl {

/// At which element of its batch a function has thrown.
struct thrown_at {
  std::uint32_t index;
  failure why;
};

/// What became of a batch.
template <class Out> struct batch_result {
  std::vector<Out> made;
  std::vector<thrown_at> thrown;
};

template <class F, class In, class Kind> class stage_helper {
  using out = handed_on<Kind>;
  using results = bounded_queue<batch_result<out>>;

 public:
  stage_helper(F const& function, stage_options const& how, std::string name, std::size_t ahead)
      : function_(&function), how_(&how), name_(std::move(name)), ahead_(ahead) {
    start();
  }

  /// What the unit does, until there are no more elements, or nobody takes what is made of them.
  void operator()(stop_token const& stop, queue_consumer<batches<In>> from,
                  std::optional<queue_producer<batches<out>>> to, std::size_t batch, left_out_queue<In>& left,
                  event const& wake) {
    if constexpr (is_last<Kind>) {
      work(stop, from, nullptr, left, wake);
    } else {
      outlet<out> made(std::move(*to), batch, stop);
      work(stop, from, &made, left, wake);
      made.flush();
    }
  }

 private:
  void work(stop_token const& stop, queue_consumer<batches<In>>& from, outlet<out>* made, left_out_queue<In>& left,
            event const& wake) {
    std::deque<std::vector<In>> sent;  // and not back yet
    unsigned in_vain = 0;
    while (!stop.stop_requested()) {
      while (sent.size() < ahead_) {
        auto more = from.try_pop();
        if (!more && sent.empty()) {
          if (made != nullptr && !made->flush()) return;
          more = from.pop();
        }
        if (!more) break;
        to_->push(*more);
        sent.push_back(std::move(*more));
      }
      if (sent.empty()) return finish(left, wake);
      auto result = back_->try_pop();
      if (!result) {
        if (made != nullptr && !made->flush()) return;
        stop_callback const tell(stop, [child = child_.get_stop_source()]() mutable { child.request_stop(); });
        result = back_->pop();
      }
      if (result) {
        in_vain = 0;
        ++answered_;
        for (auto& [index, why] : result->thrown) {
          left.push({std::move(sent.front().at(index)), why});
          wake.notify();
        }
        sent.pop_front();
        if constexpr (!is_last<Kind>) {
          for (auto& one : result->made)
            if (!made->push(std::move(one))) return;
        }
        continue;
      }
      auto const ended = child_.join();
      if (ended) return;  // at a stop
      if (ended.error().how() == ending::threw) ended.error().rethrow();
      // relaxed: it is dead
      auto const at = (*at_)->load(std::memory_order_relaxed);
      bool const has_begun = number_in(at) == answered_ && index_in(at) != 0;
      in_vain = has_begun ? 0 : in_vain + 1;
      if (in_vain == most_in_vain) throw unit_died(ended.error());
      left.push({has_begun ? lost_at(sent.front(), index_in(at)) : std::nullopt, ended.error()});
      wake.notify();
      if (sent.front().empty()) sent.pop_front();
      start();
      for (auto const& one : sent) to_->push(one);
    }
  }

  /// Helpers that die one after the other without having begun anything: the next one would die as well.
  static constexpr unsigned most_in_vain = 16;

  /// What a helper is at: the number of the batch, and behind the highest index one more than that of the element.
  static constexpr std::uint64_t place_of(std::uint32_t number, std::uint32_t index) {
    return std::uint64_t{number} << 32 | index;
  }
  static constexpr std::uint32_t number_in(std::uint64_t at) { return static_cast<std::uint32_t>(at >> 32); }
  static constexpr std::uint32_t index_in(std::uint64_t at) { return static_cast<std::uint32_t>(at); }

  /// Takes out of the batch the element that the dead was at, from 1 on, and what need not be done again.
  static std::optional<In> lost_at(std::vector<In>& batch, std::uint32_t at) {
    std::optional<In> element;
    bool const is_done = at > batch.size();
    if (!is_done) element.emplace(std::move(batch[at - 1]));
    auto const end = batch.begin() + static_cast<std::ptrdiff_t>(is_done ? batch.size() : at);
    // What a last stage has done it has done; of any other nothing has been handed on.
    batch.erase(is_last<Kind> ? batch.begin() : is_done ? end : end - 1, end);
    return element;
  }

  void start() {
    shared<batches<In>> to(ahead_);
    shared<results> back(ahead_);
    to_.emplace(to->producer());
    back_.emplace(back->consumer());
    at_.emplace(0U);
    answered_ = 0;
    child_ = process<void>({.name = name_, .start = how_->start, .report_crash = how_->report_crash},
                           help(*function_, how_->skips), to->consumer(), back->producer(), *at_);
  }

  /// There is nothing left to do: it ends. Should it die at that, nothing is lost.
  void finish(left_out_queue<In>& left, event const& wake) {
    to_.reset();
    if (auto const ended = child_.join(); !ended) {
      left.push({std::nullopt, ended.error()});
      wake.notify();
    }
  }

  /// What the process does.
  class help {
   public:
    help(F const& function, bool skips) : function_(function), skips_(skips) {}

    void operator()(stop_token const& stop, queue_consumer<batches<In>> from, queue_producer<results> to,
                    shared<std::atomic<std::uint64_t>> const& at) {
      outlet<out> made(stop);
      for (std::uint32_t number = 0; auto batch = from.pop(); ++number) {
        batch_result<out> result;
        std::uint32_t index = 0;
        // relaxed: it is read when this process is dead
        auto const now_at = [&](std::uint32_t one) { at->store(place_of(number, one + 1), std::memory_order_relaxed); };
        for (auto& element : *batch) {
          if (stop.stop_requested()) return;
          now_at(index);
          try {
            use_one<Kind>(function_, std::move(element), &made);
          } catch (...) {
            if (!skips_) throw;
            result.thrown.push_back({index, failure::threw(this_unit::name(), std::current_exception())});
          }
          ++index;
        }
        now_at(index);
        result.made = made.take();
        if (!to.push(std::move(result))) return;
      }
    }

   private:
    F function_;
    bool skips_;
  };

  F const* function_;
  stage_options const* how_;
  std::string name_;
  std::size_t ahead_;
  process<void> child_;  // ends after its queues
  std::optional<queue_producer<batches<In>>> to_;
  std::optional<queue_consumer<results>> back_;
  std::optional<shared<std::atomic<std::uint64_t>>> at_;
  std::uint32_t answered_ = 0;  // batches
};

}  // namespace tandem::impl

#endif  // TANDEM_CREW_IMPL_STAGE_HELPER_HPP
