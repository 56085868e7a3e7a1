// SPDX-License-Identifier: BSL-1.0
// Million elements a second from one producer to one consumer on CPUs of their own, from the first push to the last
// pop, through 4096 places (128 for 4 KB); us for a word there and back.
#include <mqueue.h>      // for mq_open, mq_receive, mq_send
#include <sys/socket.h>  // for socketpair
#include <unistd.h>      // for _exit, fork, pipe, read, write

#include <algorithm>  // for max, min
#include <array>      // for array
#include <atomic>     // for atomic
#include <chrono>     // for steady_clock
#include <cstddef>    // for size_t
#include <span>       // for span
#include <string>     // for string, to_string
#include <thread>     // for thread

#include "support/question.hpp"
#include "sync/sides.hpp"
#include "tandem/queue/spsc_queue.hpp"

#if TANDEM_BENCH_BOOST
#include <boost/interprocess/ipc/message_queue.hpp>
#include <boost/lockfree/spsc_queue.hpp>
#endif

namespace tandem_bench {
namespace {

template <std::size_t Bytes> using message = std::array<long, Bytes / 8>;

template <class T> inline constexpr std::size_t places = sizeof(T) > 1000 ? 128 : 4096;

/// Each road: put(value) and get(value), one at a time.
template <class T> class ours {
 public:
  void put(T const& value) { queue_.push(value); }
  void get(T& value) { value = *queue_.pop(); }

 private:
  tandem::spsc_queue<T> queue_{places<T>};
};

/// The same by 32 at once.
template <class T> class ours_batched {
 public:
  static constexpr std::size_t batch = 32;
  void put_many(std::span<T const> values) { queue_.push_all(values); }
  std::size_t get_many(std::span<T> values) { return queue_.pop_some(values); }

 private:
  tandem::spsc_queue<T> queue_{places<T>};
};

/// As ours, in place.
template <class T> class ours_in_place {
 public:
  void put(T const& value) {
    queue_.push_in_place([&](T& here) { here = value; });
  }
  void get(T& value) {
    queue_.pop_in_place([&](T const& here) { value = here; });
  }

 private:
  tandem::spsc_queue<T> queue_{places<T>};
};

inline void rest(int& looks) {
  if (++looks % 64 == 0)
    std::this_thread::yield();
  else
    __builtin_ia32_pause();
}

#if TANDEM_BENCH_BOOST
template <class T> class boost_spinning {
 public:
  void put(T const& value) {
    for (int looks = 0; !queue_.push(value);) rest(looks);
  }
  void get(T& value) {
    for (int looks = 0; !queue_.pop(value);) rest(looks);
  }

 private:
  boost::lockfree::spsc_queue<T, boost::lockfree::capacity<places<T>>> queue_;
};
template <class T> class boost_messages {
 public:
  boost_messages() : queue_(boost::interprocess::create_only, name().c_str(), places<T>, sizeof(T)) {}
  ~boost_messages() { boost::interprocess::message_queue::remove(name().c_str()); }
  void put(T const& value) { queue_.send(&value, sizeof value, 0); }
  void get(T& value) {
    std::size_t size;
    unsigned priority;
    queue_.receive(&value, sizeof value, size, priority);
  }

 private:
  static std::string name() { return "tandem_bench_" + std::to_string(::getpid()); }
  boost::interprocess::message_queue queue_;
};
#else
template <class T> using boost_spinning = ours<T>;
template <class T> using boost_messages = ours<T>;
#endif

/// Lamport's ring, each side remembering how far the other was: as fast as such rings are known to be. It only spins.
template <class T> class spinning_ring {
 public:
  void put(T const& value) {
    auto const at = tail_.load(std::memory_order_relaxed);
    for (int looks = 0; at - seen_head_ == places<T>; rest(looks)) {
      seen_head_ = head_.load(std::memory_order_acquire);
      if (at - seen_head_ != places<T>) break;
    }
    slots_[at % places<T>] = value;
    tail_.store(at + 1, std::memory_order_release);
  }
  void get(T& value) {
    auto const at = head_.load(std::memory_order_relaxed);
    for (int looks = 0; at == seen_tail_; rest(looks)) {
      seen_tail_ = tail_.load(std::memory_order_acquire);
      if (at != seen_tail_) break;
    }
    value = slots_[at % places<T>];
    head_.store(at + 1, std::memory_order_release);
  }

 private:
  alignas(64) std::atomic<std::size_t> tail_{0};
  std::size_t seen_head_ = 0;
  alignas(64) std::atomic<std::size_t> head_{0};
  std::size_t seen_tail_ = 0;
  alignas(64) std::array<T, places<T>> slots_;
};

template <class T> class through_pipe {
 public:
  through_pipe() { check(::pipe(ends_) == 0, "pipe"); }
  ~through_pipe() {
    ::close(ends_[0]);
    ::close(ends_[1]);
  }
  void put(T const& value) { check(::write(ends_[1], &value, sizeof value) == sizeof value, "write"); }
  void get(T& value) {
    auto* const at = reinterpret_cast<char*>(&value);
    for (std::size_t done = 0; done < sizeof value;) {
      auto const more = ::read(ends_[0], at + done, sizeof value - done);
      check(more > 0, "read");
      done += static_cast<std::size_t>(more);
    }
  }

 private:
  int ends_[2];
};

template <class T> class through_socket {
 public:
  through_socket() { check(::socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends_) == 0, "socketpair"); }
  ~through_socket() {
    ::close(ends_[0]);
    ::close(ends_[1]);
  }
  void put(T const& value) { check(::write(ends_[1], &value, sizeof value) == sizeof value, "write"); }
  void get(T& value) { check(::read(ends_[0], &value, sizeof value) == sizeof value, "read"); }

 private:
  int ends_[2];
};

template <class T> class posix_messages {
 public:
  posix_messages() {
    auto const name = "/tandem_bench_" + std::to_string(::getpid());
    mq_attr attributes{};
    attributes.mq_maxmsg = 10;  // what is allowed where nobody has changed it
    attributes.mq_msgsize = sizeof(T);
    queue_ = ::mq_open(name.c_str(), O_CREAT | O_RDWR | O_EXCL, 0600, &attributes);
    check(queue_ >= 0, "mq_open");
    ::mq_unlink(name.c_str());
  }
  ~posix_messages() { ::mq_close(queue_); }
  void put(T const& value) {
    check(::mq_send(queue_, reinterpret_cast<char const*>(&value), sizeof value, 0) == 0, "mq_send");
  }
  void get(T& value) {
    check(::mq_receive(queue_, reinterpret_cast<char*>(&value), sizeof value, nullptr) == sizeof value, "mq_receive");
  }

 private:
  mqd_t queue_;
};

struct both_sides {
  std::atomic<int> ready{0};
  std::atomic<long> sum{0};
  std::array<clock::time_point, 2> begin{}, end{};
};

/// Runs `body(side)` in two processes or threads; from the first beginning to the last end.
template <class Body> clock::duration run(bool processes, both_sides& all, Body body) {
  auto const side_of = [&](int side) {
    auto const at = static_cast<std::size_t>(side);
    pin_side(side);
    ++all.ready;
    while (all.ready < 2) std::this_thread::yield();
    all.begin[at] = clock::now();
    body(side);
    all.end[at] = clock::now();
  };
  if (processes) {
    pid_t const child = ::fork();
    if (child == 0) {
      side_of(1);
      ::_exit(0);
    }
    check(child > 0, "fork");
    std::thread here(side_of, 0);  // which leaves this thread where it is placed
    here.join();
    wait_for(child);
  } else {
    std::thread one(side_of, 0), other(side_of, 1);
    one.join();
    other.join();
  }
  return std::max(all.end[0], all.end[1]) - std::min(all.begin[0], all.begin[1]);
}

template <template <class> class Road, std::size_t Bytes> auto stream(bool processes) {
  return [processes](std::size_t times) {
    using T = message<Bytes>;
    in_the_commons<Road<T>> road;
    in_the_commons<both_sides> home;
    auto& all = *home;
    auto const count = static_cast<long>(times);
    auto const took = run(processes, all, [&](int side) {
      if constexpr (requires { Road<T>::batch; }) {
        constexpr std::size_t batch = Road<T>::batch;
        std::array<T, batch> some{};
        if (side == 0) {
          for (long i = 1; i <= count;) {
            std::size_t filled = 0;
            for (; filled < batch && i <= count; ++i) some[filled++][0] = i;
            (*road).put_many({some.data(), filled});
          }
        } else {
          long sum = 0;
          for (long i = 0; i < count;) {
            std::size_t const got = (*road).get_many(some);
            for (std::size_t k = 0; k < got; ++k) sum += some[k][0];
            i += static_cast<long>(got);
          }
          all.sum = sum;
        }
      } else {
        T value{};
        if (side == 0) {
          for (value[0] = 1; value[0] <= count; ++value[0]) (*road).put(value);
        } else {
          long sum = 0;
          for (long i = 0; i < count; ++i) {
            (*road).get(value);
            sum += value[0];
          }
          all.sum = sum;
        }
      }
    });
    check(all.sum == count * (count + 1) / 2, "what came out");
    return took;
  };
}

/// A word there and back; with `apart`, each side is asleep when the word comes.
template <template <class> class Road> auto ping_pong(bool apart) {
  return [apart](std::size_t times) {
    using T = message<8>;
    in_the_commons<Road<T>> there, back;
    in_the_commons<both_sides> home;
    clock::duration took{};
    clock::duration spent{};
    spent = run(true, *home, [&](int side) {
      T value{};
      for (std::size_t i = 0; i < times; ++i) {
        if (side == 0) {
          if (apart) std::this_thread::sleep_for(std::chrono::microseconds(300));
          auto const begin = clock::now();
          value[0] = static_cast<long>(i);
          (*there).put(value);
          (*back).get(value);
          took += clock::now() - begin;
          check(value[0] == static_cast<long>(i), "what came back");
        } else {
          (*there).get(value);
          (*back).put(value);
        }
      }
    });
    return apart ? took : spent;
  };
}

template <std::size_t Bytes> void small(bool processes) {
  question q("Q1, Q2: " + std::to_string(Bytes) + " B, " + (processes ? "processes" : "threads"), unit::million_per_s);
  q.placed(placement::two_cpus)
      .base("a ring that spins", stream<spinning_ring, Bytes>(processes))
      .peer("tandem::spsc_queue", stream<ours, Bytes>(processes))
      .peer("the same, 32 at once", stream<ours_batched, Bytes>(processes))
      .peer_if(TANDEM_BENCH_BOOST, "Boost spsc_queue, spins", stream<boost_spinning, Bytes>(processes), no_boost)
      .peer_if(TANDEM_BENCH_BOOST, "Boost message_queue", stream<boost_messages, Bytes>(processes), no_boost)
      .budget("tandem::spsc_queue", at_least(0.9))
      .budget("tandem::spsc_queue", at_least(Bytes == 8 ? 10 : 2), "Boost message_queue")
      .budget("the same, 32 at once", at_least(1.2), "tandem::spsc_queue");
}

}  // namespace

void questions() {
  for (bool const processes : {true, false}) {
    small<8>(processes);
    small<64>(processes);
  }

  question("Q3: 4 KB, processes", unit::million_per_s)
      .placed(placement::two_cpus)
      .base("a pipe", stream<through_pipe, 4096>(true))
      .peer("tandem::spsc_queue", stream<ours, 4096>(true))
      .peer("the same, in place", stream<ours_in_place, 4096>(true))
      .peer("a Unix socket, seqpacket", stream<through_socket, 4096>(true))
      .peer("POSIX message queue", stream<posix_messages, 4096>(true))
      .budget("tandem::spsc_queue", at_least(4));

  question("Q5: there and back, both running", unit::us)
      .placed(placement::two_cpus)
      .base("a ring that spins", ping_pong<spinning_ring>(false))
      .peer("tandem::spsc_queue", ping_pong<ours>(false))
      .budget("tandem::spsc_queue", at_most(1.3));
  question("Q6: there and back, one CPU", unit::us)
      .placed(placement::one_cpu)
      .base("a pipe", ping_pong<through_pipe>(false))
      .peer("tandem::spsc_queue", ping_pong<ours>(false))
      .budget("tandem::spsc_queue", at_most(1));
  question("Q5: there and back, both asleep", unit::us)
      .placed(placement::two_cpus)
      .base("a pipe", ping_pong<through_pipe>(true))
      .peer("tandem::spsc_queue", ping_pong<ours>(true))
      .budget("tandem::spsc_queue", at_most(1.1));
}

}  // namespace tandem_bench
