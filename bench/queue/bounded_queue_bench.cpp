// SPDX-License-Identifier: BSL-1.0
// Million elements a second through a queue of 1024 places, from the first push to the last pop, by one producer and
// one consumer on CPUs of their own, or by two of each; elements of 8 and 64 bytes.
#include <unistd.h>  // for _exit, fork

#include <algorithm>  // for max, min
#include <array>      // for array
#include <atomic>     // for atomic
#include <chrono>     // for steady_clock
#include <cstddef>    // for size_t
#include <new>        // for placement new
#include <string>     // for string, to_string
#include <thread>     // for thread
#include <vector>     // for vector

#include "support/question.hpp"
#include "sync/sides.hpp"
#include "tandem/memory/shared.hpp"
#include "tandem/queue/bounded_queue.hpp"

#if TANDEM_BENCH_BOOST
#include <boost/interprocess/ipc/message_queue.hpp>
#endif
#if TANDEM_BENCH_TBB
#include <tbb/concurrent_queue.h>
#endif
#if TANDEM_BENCH_MOODYCAMEL
#include <concurrentqueue/blockingconcurrentqueue.h>
#endif

namespace tandem_bench {
namespace {

constexpr std::size_t places = 1024;

template <std::size_t Bytes> using message = std::array<long, Bytes / 8>;

/// The ring of Vyukov (2010), as it is usually written: its sides spin, and it wedges when one of them dies.
template <class T> class vyukov {
 public:
  vyukov() {
    for (std::size_t i = 0; i < places; ++i) slots_[i].turn = i;
  }
  void push(T const& value) {
    for (std::size_t at = tail_.load(std::memory_order_relaxed);;) {
      slot& here = slots_[at % places];
      auto const turn = here.turn.load(std::memory_order_acquire);
      if (turn == at && tail_.compare_exchange_weak(at, at + 1, std::memory_order_relaxed)) {
        here.value = value;
        here.turn.store(at + 1, std::memory_order_release);
        return;
      }
      if (turn != at) {
        if (turn < at) pause();
        at = tail_.load(std::memory_order_relaxed);
      }
    }
  }
  T pop() {
    for (std::size_t at = head_.load(std::memory_order_relaxed);;) {
      slot& here = slots_[at % places];
      auto const turn = here.turn.load(std::memory_order_acquire);
      if (turn == at + 1 && head_.compare_exchange_weak(at, at + 1, std::memory_order_relaxed)) {
        T const value = here.value;
        here.turn.store(at + places, std::memory_order_release);
        return value;
      }
      if (turn != at + 1) {
        if (turn < at + 1) pause();
        at = head_.load(std::memory_order_relaxed);
      }
    }
  }

 private:
  static void pause() {
    thread_local int looks = 0;
    if (++looks % 64 == 0)
      std::this_thread::yield();
    else
      __builtin_ia32_pause();
  }
  struct slot {
    std::atomic<std::size_t> turn;
    T value{};
  };
  alignas(128) std::atomic<std::size_t> head_{0};
  alignas(128) std::atomic<std::size_t> tail_{0};
  alignas(128) std::array<slot, places> slots_;
};

template <class T> class ours {
 public:
  void push(T const& value) { queue_.push(value); }
  T pop() { return *queue_.pop(); }

 private:
  tandem::bounded_queue<T> queue_{places};
};

#if TANDEM_BENCH_BOOST
template <class T> class boost_messages {
 public:
  boost_messages() : queue_(boost::interprocess::create_only, name().c_str(), places, sizeof(T)) {}
  ~boost_messages() { boost::interprocess::message_queue::remove(name().c_str()); }
  void push(T const& value) { queue_.send(&value, sizeof value, 0); }
  T pop() {
    T value{};
    std::size_t size;
    unsigned priority;
    queue_.receive(&value, sizeof value, size, priority);
    return value;
  }

 private:
  static std::string name() { return "tandem_bench_" + std::to_string(::getpid()); }
  boost::interprocess::message_queue queue_;
};
#else
template <class T> using boost_messages = ours<T>;
#endif

#if TANDEM_BENCH_TBB
template <class T> class tbb_queue {
 public:
  tbb_queue() { queue_.set_capacity(places); }
  void push(T const& value) { queue_.push(value); }
  T pop() {
    T value{};
    queue_.pop(value);
    return value;
  }

 private:
  tbb::concurrent_bounded_queue<T> queue_;
};
#else
template <class T> using tbb_queue = ours<T>;
#endif

#if TANDEM_BENCH_MOODYCAMEL
template <class T> class moodycamel_queue {
 public:
  void push(T const& value) { queue_.enqueue(value); }
  T pop() {
    T value{};
    queue_.wait_dequeue(value);
    return value;
  }

 private:
  moodycamel::BlockingConcurrentQueue<T> queue_{places};
};
#else
template <class T> using moodycamel_queue = ours<T>;
#endif

/// What all sides see; the queue itself in shared memory, or made before a fork.
template <class Queue> struct road {
  Queue queue;
  std::atomic<int> ready{0};
  std::atomic<long> sum{0};
  std::array<clock::time_point, 4> begin{}, end{};
};

/// `width` producers, `width` consumers; each moves its share of `times` elements.
template <template <class> class Queue, std::size_t Bytes> auto through(bool processes, int width) {
  return [processes, width](std::size_t times) {
    using T = message<Bytes>;
    using all_of_it = road<Queue<T>>;
    long const each = std::max<long>(static_cast<long>(times) / width, 1);
    auto& all = *::new (tandem::commons().allocate(sizeof(all_of_it), alignof(all_of_it))) all_of_it;
    auto const body = [&](int side) {
      auto const at = static_cast<std::size_t>(side);
      if (width == 1) pin_side(side);
      ++all.ready;
      while (all.ready < 2 * width) std::this_thread::yield();
      all.begin[at] = clock::now();
      if (side < width) {
        T value{};
        for (value[0] = 1; value[0] <= each; ++value[0]) all.queue.push(value);
      } else {
        long sum = 0;
        for (long i = 0; i < each; ++i) sum += all.queue.pop()[0];
        all.sum += sum;
      }
      all.end[at] = clock::now();
    };
    if (processes) {
      std::vector<pid_t> team;
      for (int side = 0; side < 2 * width; ++side) {
        pid_t const child = ::fork();
        if (child == 0) {
          body(side);
          ::_exit(0);
        }
        check(child > 0, "fork");
        team.push_back(child);
      }
      for (pid_t const child : team) wait_for(child);
    } else {
      std::vector<std::thread> team;
      for (int side = 0; side < 2 * width; ++side) team.emplace_back(body, side);
      for (auto& one : team) one.join();
    }
    check(all.sum == width * (each * (each + 1) / 2), "what came out");
    auto const sides = static_cast<std::size_t>(2 * width);
    clock::duration const took = *std::max_element(all.end.begin(), all.end.begin() + sides) -
                                 *std::min_element(all.begin.begin(), all.begin.begin() + sides);
    all.~all_of_it();
    tandem::commons().deallocate(&all);
    return took * (static_cast<double>(times) / static_cast<double>(each * width));
  };
}

template <std::size_t Bytes> void ask(bool processes, int width) {
  constexpr char const *no_tbb = "libtbb-dev is not installed",
                       *no_moodycamel = "libconcurrentqueue-dev is not installed";
  auto const who = std::string(width == 1 ? "one" : "two") + " to " + (width == 1 ? "one" : "two");
  question q("Q4: " + std::to_string(Bytes) + " B, " + who + (processes ? ", processes" : ", threads"),
             unit::million_per_s);
  q.placed(placement::two_cpus)
      .base("Vyukov's ring, spins, wedges", through<vyukov, Bytes>(processes, width))
      .peer("tandem::bounded_queue", through<ours, Bytes>(processes, width));
  if (processes) {
    q.peer_if(TANDEM_BENCH_BOOST, "Boost message_queue", through<boost_messages, Bytes>(processes, width), no_boost);
  } else {
    q.peer_if(TANDEM_BENCH_TBB, "oneTBB concurrent_bounded_queue", through<tbb_queue, Bytes>(processes, width), no_tbb)
        .peer_if(TANDEM_BENCH_MOODYCAMEL, "moodycamel Blocking", through<moodycamel_queue, Bytes>(processes, width),
                 no_moodycamel);
    q.budget("tandem::bounded_queue", at_least(2), "oneTBB concurrent_bounded_queue")
        .budget("tandem::bounded_queue", at_least(2), "moodycamel Blocking");
  }
  q.budget("tandem::bounded_queue", at_least(0.8));
}

}  // namespace

void questions() {
  for (bool const processes : {false, true}) {
    for (int const width : {1, 2}) {
      ask<8>(processes, width);
      ask<64>(processes, width);
    }
  }
}

}  // namespace tandem_bench
