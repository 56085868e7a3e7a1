// SPDX-License-Identifier: BSL-1.0
// Million elements a second, of 8 and 64 bytes, that one producer puts in and each of one, two or four consumers gets,
// processes all; from the first push to the last pop.
#include <unistd.h>  // for close, pipe, read, write

#include <algorithm>  // for max, min
#include <array>      // for array
#include <atomic>     // for atomic
#include <chrono>     // for steady_clock
#include <cstddef>    // for size_t
#include <memory>     // for unique_ptr
#include <optional>   // for optional
#include <string>     // for to_string
#include <thread>     // for yield
#include <vector>     // for vector

#include "support/question.hpp"
#include "sync/sides.hpp"
#include "tandem/queue/broadcast_queue.hpp"
#include "tandem/queue/spsc_queue.hpp"

namespace tandem_bench {
namespace {

constexpr std::size_t places = 1024;

template <std::size_t Bytes> using message = std::array<long, Bytes / 8>;

/// Each road: open(consumer) in the consumer before the first element, put(value) for all, get(consumer, value).
template <class T> class ours {
 public:
  explicit ours(int) {}
  void open(int) { mine_.emplace(queue_.consumer()); }
  void put(T const& value) { queue_.push(value); }
  void get(int, T& value) { value = *mine_->pop(); }
  void close() { mine_.reset(); }

 private:
  tandem::broadcast_queue<T> queue_{places};
  static inline std::optional<tandem::broadcast_consumer<T>> mine_;
};

template <class T> class queue_for_each {
 public:
  explicit queue_for_each(int consumers) {
    for (int i = 0; i < consumers; ++i) queues_.push_back(std::make_unique<in_the_commons<spsc>>());
  }
  void open(int) {}
  void put(T const& value) {
    for (auto& one : queues_) (**one).queue.push(value);
  }
  void get(int consumer, T& value) { value = *(**queues_[static_cast<std::size_t>(consumer)]).queue.pop(); }
  void close() {}

 private:
  struct spsc {
    tandem::spsc_queue<T> queue{places};
  };
  std::vector<std::unique_ptr<in_the_commons<spsc>>> queues_;
};

template <class T> class pipe_for_each {
 public:
  explicit pipe_for_each(int consumers) : ends_(static_cast<std::size_t>(consumers)) {
    for (auto& one : ends_) check(::pipe(one.data()) == 0, "pipe");
  }
  ~pipe_for_each() {
    for (auto& one : ends_) {
      ::close(one[0]);
      ::close(one[1]);
    }
  }
  void open(int) {}
  void put(T const& value) {
    for (auto& one : ends_) check(::write(one[1], &value, sizeof value) == sizeof value, "write");
  }
  void get(int consumer, T& value) {
    check(::read(ends_[static_cast<std::size_t>(consumer)][0], &value, sizeof value) == sizeof value, "read");
  }
  void close() {}

 private:
  std::vector<std::array<int, 2>> ends_;
};

struct sides {
  std::atomic<int> ready{0};
  std::atomic<long> sum{0};
  clock::time_point begin{};
  std::array<clock::time_point, 8> end{};
};

template <template <class> class Road, std::size_t Bytes> auto stream(int consumers) {
  return [consumers](std::size_t times) {
    using T = message<Bytes>;
    struct home_of_road {
      alignas(64) std::byte space[sizeof(Road<T>)];
    };
    in_the_commons<home_of_road> place;
    auto* const road = ::new ((*place).space) Road<T>(consumers);
    in_the_commons<sides> home;
    auto& all = *home;
    auto const count = static_cast<long>(times);
    std::vector<pid_t> team;
    for (int me = 0; me < consumers; ++me) {
      pid_t const child = ::fork();
      check(child >= 0, "fork");
      if (child != 0) {
        team.push_back(child);
        continue;
      }
      road->open(me);
      ++all.ready;
      T value{};
      long sum = 0;
      for (long i = 0; i < count; ++i) {
        road->get(me, value);
        sum += value[0];
      }
      all.sum += sum;
      all.end[static_cast<std::size_t>(me)] = clock::now();
      road->close();
      ::_exit(0);
    }
    while (all.ready < consumers) std::this_thread::yield();
    all.begin = clock::now();
    T value{};
    for (value[0] = 1; value[0] <= count; ++value[0]) road->put(value);
    for (pid_t const child : team) wait_for(child);
    check(all.sum == consumers * (count * (count + 1) / 2), "what came out");
    auto const took = *std::max_element(all.end.begin(), all.end.begin() + consumers) - all.begin;
    road->~Road<T>();
    return took;
  };
}

template <std::size_t Bytes> void ask(int consumers) {
  question("broadcast: " + std::to_string(Bytes) + " B to " + std::to_string(consumers), unit::million_per_s)
      .base("an spsc_queue for each", stream<queue_for_each, Bytes>(consumers))
      .peer("tandem::broadcast_queue", stream<ours, Bytes>(consumers))
      .peer("a pipe for each", stream<pipe_for_each, Bytes>(consumers))
      .budget("tandem::broadcast_queue", at_least(2), "a pipe for each");
}

}  // namespace

void questions() {
  for (int const consumers : {1, 2, 4}) {
    ask<8>(consumers);
    ask<64>(consumers);
  }
}

}  // namespace tandem_bench
