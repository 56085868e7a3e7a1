// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_QUEUE_DELIVERY_HPP
#define TANDEM_QUEUE_DELIVERY_HPP

#include <cstdint>  // for uint32_t
#include <memory>   // for addressof
#include <utility>  // for exchange, move

#include "tandem/memory/impl/token.hpp"    // for token
#include "tandem/os/process_id.hpp"        // for process_id
#include "tandem/queue/impl/position.hpp"  // for position

namespace tandem {

template <class T> class acknowledged_queue;

/// An element of an acknowledged_queue in the hands of who works on it. Acknowledged, it is done with; given back,
/// destroyed before, or left by a death, it is delivered again.
/// @par Shared memory          No: it belongs to its process.
/// @par Threads and processes  One thread at a time. The delivery is that of the thread that received it: with that
///                             thread's end the element goes to another, wherever this is.
/// @par Peer death             See acknowledged_queue.
template <class T> class delivery {
 public:
  using value_type = T;

  delivery(delivery&& other) noexcept(std::is_nothrow_move_constructible_v<T>)
      : queue_(std::exchange(other.queue_, nullptr)),
        at_(other.at_),
        owner_(other.owner_),
        process_(other.process_),
        number_(other.number_),
        value_(std::move(other.value_)) {}
  delivery& operator=(delivery&&) = delete;
  ~delivery() { give_back(); }

  T& operator*() & noexcept { return value_; }
  T const& operator*() const& noexcept { return value_; }
  T&& operator*() && noexcept { return std::move(value_); }
  T* operator->() noexcept { return std::addressof(value_); }
  T const* operator->() const noexcept { return std::addressof(value_); }

  /// How often the element was delivered, with this time: 1 the first time.
  std::uint32_t number() const noexcept { return number_; }

  /// It is done with: it does not come again. False where it is another's by now, for the thread that had received it
  /// has ended; or where this was said before.
  bool acknowledge() noexcept { return is_mine() && std::exchange(queue_, nullptr)->acknowledge(at_, owner_); }

  /// Somebody else is to have it, at once.
  void give_back() noexcept {
    if (is_mine()) std::exchange(queue_, nullptr)->give_back(at_, owner_);
  }

 private:
  friend class acknowledged_queue<T>;

  delivery(acknowledged_queue<T>& queue, impl::position at, impl::token owner, std::uint32_t number, T&& value)
      : queue_(&queue), at_(at), owner_(owner), number_(number), value_(std::move(value)) {}

  /// A forked child's copy is its parent's.
  bool is_mine() const noexcept { return queue_ != nullptr && process_ == os::process_id(); }

  acknowledged_queue<T>* queue_;
  impl::position at_;
  impl::token owner_;
  pid_t process_ = os::process_id();
  std::uint32_t number_;
  T value_;
};

}  // namespace tandem

#endif  // TANDEM_QUEUE_DELIVERY_HPP
