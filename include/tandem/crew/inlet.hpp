// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_CREW_INLET_HPP
#define TANDEM_CREW_INLET_HPP

#include <cstddef>   // for size_t
#include <optional>  // for nullopt, optional
#include <utility>   // for move
#include <vector>    // for vector

#include "tandem/crew/impl/flushed.hpp"     // for flushed
#include "tandem/crew/outlet.hpp"           // for outlet
#include "tandem/queue/bounded_queue.hpp"   // for bounded_queue
#include "tandem/queue/queue_consumer.hpp"  // for queue_consumer
#include "tandem/sync/stop_token.hpp"       // for stop_token

namespace tandem {

/// Where a stage of a pipeline that reads its elements by itself gets them from. The pipeline makes it, and hands it to
/// the stage's function:
///
///     while (auto element = in.pop()) use(*element);      // to the end
///
/// @par Shared memory          No: it belongs to its unit.
/// @par Threads and processes  One thread at a time. Each unit of a stage has its own, and each element goes to one of
///                             them.
/// @par Peer death             Ends when the stage before it has died out, as when it has ended.
template <class T> class inlet {
 public:
  using value_type = T;
  using queue = bounded_queue<std::vector<T>>;

  /// What comes from `from`, until a stop is requested; who requests it closes the queue, for whoever waits.
  explicit inlet(queue_consumer<queue> from, stop_token stop = {}) : from_(std::move(from)), stop_(std::move(stop)) {}
  /// The same for a unit that makes something of it: before it waits, it hands on what waits in `out`.
  template <class U>
  inlet(queue_consumer<queue> from, outlet<U>& out, stop_token stop = {})
      : from_(std::move(from)), behind_(&out), stop_(std::move(stop)) {}
  inlet(inlet const&) = delete;
  inlet& operator=(inlet const&) = delete;

  /// The next element, as soon as there is one; std::nullopt at the end: all who put in have ended, or a stop was
  /// requested. What is left then is dropped.
  /// @throws what T's codec throws: the batch is gone
  /// @par Blocks  While there is none.
  std::optional<T> pop() {
    if (stop_.stop_requested() || (next_ == batch_.size() && !refill())) return std::nullopt;
    return std::move(batch_[next_++]);
  }

  /// Whether all is to end.
  bool stop_requested() const noexcept { return stop_.stop_requested(); }
  stop_token const& get_stop_token() const noexcept { return stop_; }

 private:
  bool refill() {
    auto more = from_.try_pop();
    if (!more) {
      if (behind_ != nullptr) behind_->flush();
      more = from_.pop();
      if (!more || stop_.stop_requested()) return false;
    }
    batch_ = std::move(*more);
    next_ = 0;
    return !batch_.empty();
  }

  queue_consumer<queue> from_;
  impl::flushed* behind_ = nullptr;
  stop_token stop_;
  std::vector<T> batch_;
  std::size_t next_ = 0;
};

}  // namespace tandem

#endif  // TANDEM_CREW_INLET_HPP
