// SPDX-License-Identifier: BSL-1.0
// us for a ball to go to the other side and back: each waits at the condition variable for its turn, changes whose turn
// it is under the mutex, and notifies. On two CPUs; on one: --pin=one.
#include <pthread.h>  // for pthread_cond_t, pthread_mutex_t

#include <condition_variable>  // for condition_variable
#include <cstddef>             // for size_t
#include <mutex>               // for mutex, unique_lock

#include "support/question.hpp"
#include "sync/sides.hpp"
#include "tandem/sync/condition_variable.hpp"
#include "tandem/sync/mutex.hpp"

#if TANDEM_BENCH_BOOST
#include <boost/interprocess/sync/interprocess_condition.hpp>
#include <boost/interprocess/sync/interprocess_mutex.hpp>
#include <boost/interprocess/sync/scoped_lock.hpp>
#endif

namespace tandem_bench {
namespace {

struct with_std {
  using lock = std::unique_lock<std::mutex>;
  std::mutex mutex;
  std::condition_variable changed;
};

struct with_tandem {
  using lock = std::unique_lock<tandem::mutex>;
  tandem::mutex mutex;
  tandem::condition_variable changed;
};

class pthread_mutex {
 public:
  pthread_mutex() {
    pthread_mutexattr_t attributes;
    ::pthread_mutexattr_init(&attributes);
    ::pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    ::pthread_mutex_init(&mutex_, &attributes);
  }
  void lock() { ::pthread_mutex_lock(&mutex_); }
  void unlock() { ::pthread_mutex_unlock(&mutex_); }
  pthread_mutex_t* native_handle() { return &mutex_; }

 private:
  pthread_mutex_t mutex_;
};

class pthread_condition {
 public:
  pthread_condition() {
    pthread_condattr_t attributes;
    ::pthread_condattr_init(&attributes);
    ::pthread_condattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    ::pthread_cond_init(&condition_, &attributes);
  }
  template <class Done> void wait(std::unique_lock<pthread_mutex>& lock, Done done) {
    while (!done()) ::pthread_cond_wait(&condition_, lock.mutex()->native_handle());
  }
  void notify_one() { ::pthread_cond_signal(&condition_); }

 private:
  pthread_cond_t condition_;
};

struct with_pthread {
  using lock = std::unique_lock<pthread_mutex>;
  pthread_mutex mutex;
  pthread_condition changed;
};

#if TANDEM_BENCH_BOOST
struct with_boost {
  using lock = boost::interprocess::scoped_lock<boost::interprocess::interprocess_mutex>;
  boost::interprocess::interprocess_mutex mutex;
  boost::interprocess::interprocess_condition changed;
};
#else
using with_boost = with_std;
#endif

template <class With> struct table : With { long ball; };

template <class With> auto ping_pong(bool processes) {
  return two_sides<table<With>>(processes, [](auto& all, int side, std::size_t first, std::size_t end) {
    bool right = true;
    for (std::size_t i = first;; ++i) {
      {
        typename With::lock lock(all.mutex);
        all.changed.wait(lock, [&] { return all.ball % 2 == side; });
        right &= all.ball == static_cast<long>(2 * i) + side;
        if (side == 0 && i == end) return right;  // the last ball has come back
        ++all.ball;
      }
      all.changed.notify_one();
      if (side == 1 && i + 1 == end) return right;
    }
  });
}

}  // namespace

void questions() {
  for (bool const processes : {false, true}) {
    question q(processes ? "S5: condition variable, there and back, two processes"
                         : "S5: condition variable, there and back, two threads",
               unit::us);
    q.placed(placement::two_cpus)
        .base("pthread pshared", ping_pong<with_pthread>(processes))
        .peer("tandem::condition_variable", ping_pong<with_tandem>(processes))
        .peer("std, threads", ping_pong<with_std>(false))
        .peer_if(TANDEM_BENCH_BOOST, "Boost interprocess_condition", ping_pong<with_boost>(processes), no_boost)
        .budget("tandem::condition_variable", at_most(1.1));
  }
}

}  // namespace tandem_bench
