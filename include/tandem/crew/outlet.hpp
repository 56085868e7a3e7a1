// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_CREW_OUTLET_HPP
#define TANDEM_CREW_OUTLET_HPP

#include <cstddef>    // for size_t
#include <optional>   // for optional
#include <stdexcept>  // for invalid_argument
#include <utility>    // for exchange, move
#include <vector>     // for vector

#include "tandem/crew/impl/flushed.hpp"     // for flushed
#include "tandem/queue/bounded_queue.hpp"   // for bounded_queue
#include "tandem/queue/queue_producer.hpp"  // for queue_producer
#include "tandem/sync/stop_token.hpp"       // for stop_token

namespace tandem {

/// Where a stage of a pipeline puts what it makes. The pipeline makes it, and hands it to the stage's function.
///
/// Elements are handed on in batches, as large as the next stage's `batch` says: with 1, its default, each at once.
/// Larger ones go when they are full, when the unit waits for its own input, at its end, and at a flush().
/// @par Shared memory          No: it belongs to its unit.
/// @par Threads and processes  One thread at a time.
/// @par Peer death             A next stage that has died out takes nothing more: push returns false. What a dead unit
///                             had not handed on never comes.
template <class T> class outlet : private impl::flushed {
 public:
  using value_type = T;
  using queue = bounded_queue<std::vector<T>>;

  /// Batches of up to `batch` elements for `to`, until a stop is requested.
  /// @throws std::invalid_argument where `batch` is 0
  explicit outlet(queue_producer<queue> to, std::size_t batch = 1, stop_token stop = {})
      : to_(std::move(to)), batch_(batch), stop_(std::move(stop)) {
    if (batch == 0) throw std::invalid_argument("tandem: make an outlet: batch is 0: at least 1");
  }
  outlet(outlet const&) = delete;
  outlet& operator=(outlet const&) = delete;

  /// Appends `value`. False where nobody takes it any more: the next stage has ended, or a stop was requested. Then
  /// there is nothing left to do but return.
  /// @throws what T's codec throws, std::bad_alloc: the batch is lost then
  /// @par Blocks  While the next stage has as many batches before it as its `capacity` says.
  bool push(T value) {
    if (!open_) return false;
    waiting_.push_back(std::move(value));
    return waiting_.size() < batch_ || flush();
  }

  /// Hands on what waits for its batch to be full: before the function waits for something itself. False as push.
  bool flush() override {
    if (waiting_.empty()) return open_;
    open_ = open_ && !stop_.stop_requested();
    if (!to_) return open_;
    std::vector<T> batch;
    batch.swap(waiting_);
    if (!open_) return false;
    open_ = false, broken_ = true;  // should the codec throw
    open_ = to_->push(std::move(batch));
    broken_ = false;
    return open_;
  }

  /// Whether push can still return true.
  bool is_open() const noexcept { return open_; }
  /// Whether all is to end.
  bool stop_requested() const noexcept { return stop_.stop_requested(); }
  stop_token const& get_stop_token() const noexcept { return stop_; }

 private:
  template <class> friend class inlet;
  template <class, class, class> friend class impl::stage_work;
  template <class, class, class> friend class impl::stage_helper;

  /// Keeps all until it is taken.
  explicit outlet(stop_token stop) : batch_(1), stop_(std::move(stop)) {}
  std::vector<T> take() { return std::exchange(waiting_, {}); }

  std::optional<queue_producer<queue>> to_;
  std::size_t batch_;
  stop_token stop_;
  std::vector<T> waiting_;
  bool open_ = true;
};

}  // namespace tandem

#endif  // TANDEM_CREW_OUTLET_HPP
