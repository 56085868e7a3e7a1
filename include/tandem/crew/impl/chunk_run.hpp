// SPDX-License-Identifier: BSL-1.0
// How map, for_each and transform_reduce divide their items into tasks, and wait for them.
#ifndef TANDEM_CREW_IMPL_CHUNK_RUN_HPP
#define TANDEM_CREW_IMPL_CHUNK_RUN_HPP

#include <algorithm>    // for clamp, max, min
#include <cstddef>      // for size_t
#include <cstdint>      // for int64_t
#include <optional>     // for optional
#include <type_traits>  // for decay_t, invoke_result_t
#include <utility>      // for move, pair
#include <vector>       // for vector

#include "tandem/core/failure.hpp"          // for failure
#include "tandem/crew/future.hpp"           // for task_access
#include "tandem/crew/impl/pool_board.hpp"  // for pool_board
#include "tandem/crew/pool_options.hpp"     // for map_options
#include "tandem/crew/tasks_failed.hpp"     // for tasks_failed
#include "tandem/os/clock.hpp"              // for monotonic_ns
#include "tandem/os/futex.hpp"              // for no_deadline
#include "tandem/sync/impl/await.hpp"       // for await

namespace tandem::impl {

/// What a chunk gives, and how long it took.
template <class Part> using timed = std::pair<Part, std::int64_t>;

template <class F, class T> struct map_chunk {
  using result = std::vector<std::decay_t<std::invoke_result_t<F&, T>>>;
  F f;
  timed<result> operator()(std::vector<T> items) {
    auto const begin = os::monotonic_ns();
    result results;
    results.reserve(items.size());
    for (auto&& one : items) results.push_back(f(std::move(one)));
    return {std::move(results), os::monotonic_ns() - begin};
  }
};

template <class F, class T> struct for_each_chunk {
  F f;
  timed<char> operator()(std::vector<T> items) {
    auto const begin = os::monotonic_ns();
    for (auto&& one : items) f(std::move(one));
    return {0, os::monotonic_ns() - begin};
  }
};

template <class R, class Reduce, class Transform, class T> struct reduce_chunk {
  Reduce reduce;
  Transform transform;
  timed<R> operator()(std::vector<T> items) {
    auto const begin = os::monotonic_ns();
    R all = transform(std::move(items.front()));
    for (std::size_t i = 1; i < items.size(); ++i) all = reduce(std::move(all), transform(std::move(items[i])));
    return {std::move(all), os::monotonic_ns() - begin};
  }
};

/// One run over `total` items: chunks in flight, their outcomes, and how long the next one is to be.
///
/// The first ones, one for each worker and one to follow it, have one item; from the time that they take the others get
/// so many as last `target_ns`, but at most a share of the rest, so that all workers end together.
template <class Future> class chunk_run {
  using outcome_type = decltype(std::declval<Future&>().get_outcome());

 public:
  chunk_run(std::size_t total, std::size_t workers, map_options const& how)
      : total_(total), most_in_flight_(2 * workers), fixed_(how.chunk), fail_fast_(how.fail_fast) {}

  bool is_over() const noexcept { return in_flight_.empty() && (given_ == total_ || stopped_); }
  std::size_t given() const noexcept { return given_; }
  /// How many items have been done.
  std::size_t done() const noexcept { return done_; }

  /// How many items the next chunk has; 0 where none is to be begun now.
  std::size_t next_length() const noexcept {
    std::size_t const left = total_ - given_;
    if (left == 0 || stopped_ || in_flight_.size() >= most_in_flight_) return 0;
    if (fixed_ != 0) return std::min(fixed_, left);
    if (each_ns_ == 0) return 1;
    auto const wished = static_cast<std::size_t>(std::max<std::int64_t>(1, target_ns / each_ns_));
    return std::clamp<std::size_t>(left / most_in_flight_, 1, wished);
  }

  void add(Future task, std::size_t length) {
    in_flight_.push_back({std::move(task), length, outcomes_.size()});
    outcomes_.emplace_back();
    given_ += length;
  }

  /// Until one is over: `help(record)` does it, if it can.
  template <class Help> void wait_for_one(pool_board& board, Help help) {
    for (auto& one : in_flight_)
      if (help(task_access::record(one.task))) return;
    await(board.finished, os::no_deadline, [this] { return find_over() != in_flight_.size(); });
  }

  /// Takes the outcome of one that is over; false where there is none.
  bool collect_one() {
    std::size_t const at = find_over();
    if (at == in_flight_.size()) return false;
    auto one = std::move(in_flight_[at]);
    in_flight_.erase(in_flight_.begin() + static_cast<std::ptrdiff_t>(at));
    done_ += one.length;
    auto& result = outcomes_[one.number].emplace(one.task.get_outcome());
    if (result) {
      auto const now = std::max<std::int64_t>(1, result->second / static_cast<std::int64_t>(one.length));
      each_ns_ = each_ns_ == 0 ? now : (each_ns_ + now) / 2;
    } else if (fail_fast_) {
      failures_.push_back(result.error());
      stopped_ = true;
      for (auto& other : in_flight_) other.task.cancel();
    }
    return true;
  }

  /// What they gave, in order. @throws what the first one failed with; tasks_failed
  template <class Gather> void gather(Gather& take) {
    if (!failures_.empty()) throw tasks_failed(std::move(failures_));
    for (auto& one : outcomes_) take(std::move(*one).value().first);
  }

 private:
  struct flying {
    Future task;
    std::size_t length, number;
  };
  static constexpr std::int64_t target_ns = 1'000'000;

  std::size_t find_over() const noexcept {
    std::size_t at = 0;
    while (at < in_flight_.size() && !task_access::record(in_flight_[at].task).is_over()) ++at;
    return at;
  }

  std::size_t total_, most_in_flight_, fixed_;
  bool fail_fast_, stopped_ = false;
  std::size_t given_ = 0, done_ = 0;
  std::int64_t each_ns_ = 0;
  std::vector<flying> in_flight_;
  std::vector<std::optional<outcome_type>> outcomes_;
  std::vector<failure> failures_;
};

}  // namespace tandem::impl

#endif  // TANDEM_CREW_IMPL_CHUNK_RUN_HPP
