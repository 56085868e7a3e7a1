// SPDX-License-Identifier: BSL-1.0
// ns for release and acquire with nobody else there; us for a ball to go to the other side and back by two semaphores;
// us for two sides to meet at a latch (made anew each time), and at a barrier. On two CPUs; on one: --pin=one.
#include <pthread.h>    // for pthread_barrier_t
#include <semaphore.h>  // for sem_t

#include <array>      // for array
#include <barrier>    // for barrier
#include <cerrno>     // for errno, EINTR
#include <cstddef>    // for size_t
#include <latch>      // for latch
#include <memory>     // for construct_at, destroy_at
#include <semaphore>  // for counting_semaphore
#include <string>     // for string

#include "support/question.hpp"
#include "sync/sides.hpp"
#include "tandem/sync/barrier.hpp"
#include "tandem/sync/counting_semaphore.hpp"
#include "tandem/sync/latch.hpp"

#if TANDEM_BENCH_BOOST
#include <boost/interprocess/sync/interprocess_semaphore.hpp>
#endif

namespace tandem_bench {
namespace {

/// One that begins at N.
template <class T, int N> struct beginning_at : T {
  beginning_at() : T(N) {}
};

class posix_semaphore {
 public:
  explicit posix_semaphore(unsigned count) { ::sem_init(&semaphore_, 1, count); }
  ~posix_semaphore() { ::sem_destroy(&semaphore_); }
  void acquire() {
    while (::sem_wait(&semaphore_) != 0 && errno == EINTR) {}
  }
  void release() { ::sem_post(&semaphore_); }

 private:
  sem_t semaphore_;
};

#if TANDEM_BENCH_BOOST
struct boost_semaphore : boost::interprocess::interprocess_semaphore {
  explicit boost_semaphore(unsigned count) : interprocess_semaphore(count) {}
  void acquire() { wait(); }
  void release() { post(); }
};
#else
using boost_semaphore = std::counting_semaphore<>;
#endif

class pthread_barrier {
 public:
  explicit pthread_barrier(unsigned count) {
    pthread_barrierattr_t attributes;
    ::pthread_barrierattr_init(&attributes);
    ::pthread_barrierattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    ::pthread_barrier_init(&barrier_, &attributes, count);
  }
  ~pthread_barrier() { ::pthread_barrier_destroy(&barrier_); }
  void arrive_and_wait() { ::pthread_barrier_wait(&barrier_); }

 private:
  pthread_barrier_t barrier_;
};

template <class Semaphore> auto alone() {
  return [](std::size_t times) {
    static in_the_commons<beginning_at<Semaphore, 0>> home;
    auto const begin = clock::now();
    for (std::size_t i = 0; i < times; ++i) {
      (*home).release();
      (*home).acquire();  // would wait for ever if the release was lost
    }
    return clock::now() - begin;
  };
}

template <class Semaphore> struct table {
  struct alignas(64) {
    beginning_at<Semaphore, 0> semaphore;
  } side[2];
  alignas(64) long ball;
};

/// Each side changes the ball, which nothing guards but whose turn it is.
template <class Semaphore> auto ping_pong(bool processes) {
  return two_sides<table<Semaphore>>(processes, [](auto& all, int side, std::size_t first, std::size_t end) {
    bool right = true;
    auto &mine = all.side[side].semaphore, &other = all.side[1 - side].semaphore;
    for (std::size_t i = first; i < end; ++i) {
      if (side == 1) mine.acquire();
      right &= all.ball == static_cast<long>(2 * i) + side;
      ++all.ball;
      other.release();
      if (side == 0) mine.acquire();
    }
    return right;
  });
}

struct alignas(64) counter {
  long passed;
};

/// How far both sides are: who has met the other for the i-th time has seen it come there.
template <class Meeting> struct steps {
  alignas(64) std::array<Meeting, 4> meetings;
  counter side[2];
};

/// Side 0 makes the latch of the last meeting anew: then both have left it.
template <class Latch> auto meet_at_latches(bool processes) {
  using latch = beginning_at<Latch, 2>;
  return two_sides<steps<latch>>(processes, [](auto& all, int side, std::size_t first, std::size_t end) {
    bool right = true;
    for (std::size_t i = first; i < end; ++i) {
      ++all.side[side].passed;
      all.meetings[i % 4].arrive_and_wait();
      right &= all.side[1 - side].passed >= static_cast<long>(i) + 1;
      benchmark::ClobberMemory();
      if (side != 0 || i == 0) continue;
      auto* const last = &all.meetings[(i - 1) % 4];
      std::destroy_at(last);
      std::construct_at(last);
    }
    return right;
  });
}

template <class Barrier> struct barrier_steps {
  alignas(64) beginning_at<Barrier, 2> barrier;
  counter side[2];
};

template <class Barrier> auto meet_at_barrier(bool processes) {
  return two_sides<barrier_steps<Barrier>>(processes, [](auto& all, int side, std::size_t first, std::size_t end) {
    bool right = true;
    for (std::size_t i = first; i < end; ++i) {
      ++all.side[side].passed;
      all.barrier.arrive_and_wait();
      right &= all.side[1 - side].passed >= static_cast<long>(i) + 1;
      benchmark::ClobberMemory();
    }
    return right;
  });
}

}  // namespace

void questions() {
  using std_semaphore = std::counting_semaphore<>;
  using tandem_semaphore = tandem::counting_semaphore<>;

  question("semaphore, release and acquire, nobody else there", unit::ns)
      .surrounded_by([] { return std::make_unique<second_thread>(); })
      .base("std::counting_semaphore", alone<std_semaphore>())
      .peer("tandem::counting_semaphore", alone<tandem_semaphore>())
      .peer("POSIX sem", alone<posix_semaphore>())
      .peer_if(TANDEM_BENCH_BOOST, "Boost interprocess_semaphore", alone<boost_semaphore>(), no_boost);

  question ball("S4: semaphores, there and back", unit::us);
  ball.placed(placement::two_cpus).base("std::counting_semaphore, threads", ping_pong<std_semaphore>(false));
  question latches("S4: two meet at a latch", unit::us);
  latches.placed(placement::two_cpus).base("std::latch, threads", meet_at_latches<std::latch>(false));
  question barriers("S4: two meet at a barrier", unit::us);
  barriers.placed(placement::two_cpus).base("std::barrier, threads", meet_at_barrier<std::barrier<>>(false));
  for (bool const processes : {false, true}) {
    std::string const kind = processes ? ", processes" : ", threads";
    ball.peer("tandem::counting_semaphore" + kind, ping_pong<tandem_semaphore>(processes))
        .peer("POSIX sem" + kind, ping_pong<posix_semaphore>(processes))
        .peer_if(TANDEM_BENCH_BOOST, "Boost semaphore" + kind, ping_pong<boost_semaphore>(processes), no_boost)
        .budget("tandem::counting_semaphore" + kind, at_most(1.2));
    latches.peer("tandem::latch" + kind, meet_at_latches<tandem::latch>(processes))
        .budget("tandem::latch" + kind, at_most(1.2));
    barriers.peer("tandem::barrier" + kind, meet_at_barrier<tandem::barrier<>>(processes))
        .peer("pthread pshared" + kind, meet_at_barrier<pthread_barrier>(processes))
        .budget("tandem::barrier" + kind, at_most(1.2));
  }
}

}  // namespace tandem_bench
