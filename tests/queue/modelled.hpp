// SPDX-License-Identifier: BSL-1.0
// The queues' algorithms for interleavings.hpp: the library's headers, with std::atomic and what is not looked at
// replaced, in a namespace of their own. Include it first, once in a program part; then queue/impl/ring.hpp or a queue.
#ifndef TANDEM_TESTS_QUEUE_MODELLED_HPP
#define TANDEM_TESTS_QUEUE_MODELLED_HPP

#include <algorithm>
#include <array>
#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "support/interleavings.hpp"

// What is replaced counts as included.
#define TANDEM_MEMORY_COMMONS_HPP
#define TANDEM_MEMORY_IMPL_PARTICIPANTS_HPP
#define TANDEM_OS_FUTEX_HPP
#define TANDEM_QUEUE_IMPL_BLOCKING_QUEUE_HPP
#define TANDEM_QUEUE_IMPL_ELEMENT_HPP
#define TANDEM_QUEUE_QUEUE_CONSUMER_HPP
#define TANDEM_QUEUE_QUEUE_PRODUCER_HPP
#define TANDEM_SYNC_IMPL_LIGHT_EVENT_COUNT_HPP
#define TANDEM_SYNC_IMPL_LOCK_WORD_HPP
#define TANDEM_SYNC_STOP_TOKEN_HPP

#define tandem modelled
namespace std {
template <class T> using model_of_atomic = tandem_test::modelled_atomic<T>;
}
#define atomic model_of_atomic

#include "tandem/memory/impl/token.hpp"
#include "tandem/queue/impl/step.hpp"

namespace modelled {

class stop_token {};

struct heap_of_the_test {
  void* allocate(std::size_t bytes, std::size_t = 8) { return std::malloc(bytes); }
  void deallocate(void* block) { std::free(block); }
};
inline heap_of_the_test commons() { return {}; }

template <class> class queue_consumer;
template <class> class queue_producer;

namespace os {
inline constexpr std::int64_t no_deadline = INT64_MAX;
}

namespace impl {

/// Fiber n is participant n + 2; who sets up and checks is 99.
struct participants {
  static token self() {
    int const fiber = tandem_test::model::self();
    return fiber < 0 ? 99 : static_cast<token>(fiber) + 2;
  }
  static bool has_ended(token who) {
    return !sees_no_death && who != 99 && tandem_test::model::is_dead(static_cast<int>(who) - 2);
  }
  static inline bool sees_no_death = false;  // for a control
};

struct light_event_count {
  template <class Word> static void publish(Word& word, std::uint64_t value) {
    word.store(value, std::memory_order_release);
  }
  void notify_one() {}
  void notify_all() {}
};

/// Held by nobody else: there is one writer.
enum class lock_result { locked };
struct lock_word {
  token name() const { return 0; }
  lock_result recover(token, std::int64_t, bool&) { return lock_result::locked; }
  void unlock() {}
};

/// An element that takes two steps to copy: a number, and the same once more.
template <class T> class element {
 public:
  void put(T const& value) {
    first_.store(value.number, std::memory_order_relaxed);
    second_.store(value.number, std::memory_order_relaxed);
  }
  /// -1: torn.
  T take() {
    int const one = first_.load(std::memory_order_relaxed);
    return {one == second_.load(std::memory_order_relaxed) ? one : -1};
  }
  void discard() {}
  bool is_empty() const { return false; }

 private:
  std::atomic<int> first_{0}, second_{0};
};
template <class T> inline constexpr bool is_in_place = true;

/// A queue that is never closed, and at which nobody sleeps.
template <class Queue, class T> class blocking_queue {
 public:
  bool try_push(T const& value) { return self().push_once(self().own_push_cursor(), value) == step::done; }
  std::optional<T> try_pop() {
    std::optional<T> result;
    self().pop_once(self().own_pop_cursor(), [&](T const& value) { result = value; });
    return result;
  }
  /// As of one consumer, with a cursor of its own.
  template <class Use> void pop_each(int times, Use use) {
    auto cursor = self().pop_cursor();
    for (int i = 0; i < times; ++i) self().pop_once(cursor, use);
  }

 protected:
  struct {
    light_event_count filled, emptied;
    bool refuses() const { return false; }
  } core_;
  static std::uint32_t checked(int capacity) { return static_cast<std::uint32_t>(capacity); }
  template <class... A> step wait_to_put(A&&...) { return step::stopped; }
  template <class... A> step wait_to_take(A&&...) { return step::stopped; }

 private:
  Queue& self() { return static_cast<Queue&>(*this); }
};

}  // namespace impl
}  // namespace modelled

namespace tandem_test {

/// The elements of the models.
struct numbered {
  int number;
};

}  // namespace tandem_test

#endif  // TANDEM_TESTS_QUEUE_MODELLED_HPP
