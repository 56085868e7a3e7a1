// SPDX-License-Identifier: BSL-1.0
// ns for lock and unlock with nobody else there; million such pairs a second on two sides that want it at once; ms that
// one waits, at most, for a mutex that another relocks at once; us from the kill of an owner to the waiter awake.
#include <pthread.h>   // for pthread_mutex_t
#include <signal.h>    // for kill
#include <sys/wait.h>  // for waitpid
#include <unistd.h>    // for fork, pause

#include <algorithm>    // for max
#include <array>        // for array
#include <atomic>       // for atomic
#include <cerrno>       // for EOWNERDEAD
#include <chrono>       // for steady_clock
#include <cstddef>      // for size_t
#include <memory>       // for make_unique
#include <mutex>        // for lock_guard, mutex
#include <thread>       // for thread
#include <type_traits>  // for is_same_v

#include "support/question.hpp"
#include "sync/sides.hpp"
#include "tandem/sync/mutex.hpp"
#include "tandem/sync/recursive_mutex.hpp"

#if TANDEM_BENCH_BOOST
#include <boost/interprocess/sync/interprocess_mutex.hpp>
#endif
#if TANDEM_BENCH_ABSL
#include <absl/synchronization/mutex.h>
#endif

namespace tandem_bench {
namespace {

template <bool Robust> class pthread_shared {
 public:
  pthread_shared() {
    pthread_mutexattr_t attributes;
    ::pthread_mutexattr_init(&attributes);
    ::pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    if (Robust) ::pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    ::pthread_mutex_init(&mutex_, &attributes);
  }
  void lock() {
    if (::pthread_mutex_lock(&mutex_) == EOWNERDEAD) died_ = true;
  }
  void unlock() { ::pthread_mutex_unlock(&mutex_); }
  bool has_died() const { return died_; }

 private:
  pthread_mutex_t mutex_;
  bool died_ = false;
};
using pshared = pthread_shared<false>;
using robust = pthread_shared<true>;

#if TANDEM_BENCH_BOOST
using boost_mutex = boost::interprocess::interprocess_mutex;
#else
using boost_mutex = std::mutex;
#endif
#if TANDEM_BENCH_ABSL
struct absl_mutex {
  void lock() { mutex.Lock(); }
  void unlock() { mutex.Unlock(); }
  absl::Mutex mutex;
};
#else
using absl_mutex = std::mutex;
#endif
constexpr char const* no_absl = "libabsl-dev is not installed";

template <class Mutex> struct counted {
  alignas(64) Mutex mutex;
  long count;
};

template <class Mutex> auto alone() {
  return [](std::size_t times) {
    static in_the_commons<counted<Mutex>> home;
    auto& all = *home;
    all.count = 0;
    auto const begin = clock::now();
    for (std::size_t i = 0; i < times; ++i) {
      std::lock_guard const hold(all.mutex);
      benchmark::DoNotOptimize(++all.count);
    }
    clock::duration const took = clock::now() - begin;
    check(all.count == static_cast<long>(times), "the count");
    return took;
  };
}

/// Locked once outside, so that each lock and unlock is of the second level.
auto deeper() {
  return [](std::size_t times) {
    static in_the_commons<counted<tandem::recursive_mutex>> home;
    std::lock_guard const outer((*home).mutex);
    auto const begin = clock::now();
    for (std::size_t i = 0; i < times; ++i) {
      std::lock_guard const hold((*home).mutex);
      benchmark::DoNotOptimize(++(*home).count);
    }
    return clock::now() - begin;
  };
}

template <class Mutex> struct contest {
  alignas(64) Mutex mutex;
  alignas(64) long a, b;
  alignas(64) std::atomic<int> ready, wrong;
  alignas(64) std::atomic<bool> over;
  seconds took;  // until one side was through
  long done;     // by both, until then
};

template <class Mutex> void contend(contest<Mutex>& all, int side, std::size_t times) {
  pin_side(side);
  ++all.ready;
  while (all.ready < 2) std::this_thread::yield();
  auto const begin = clock::now();
  for (std::size_t i = 0; i < times && !all.over.load(std::memory_order_relaxed); ++i) {
    std::lock_guard const hold(all.mutex);
    if (all.a != all.b) ++all.wrong;
    ++all.a;
    benchmark::ClobberMemory();
    ++all.b;
  }
  std::lock_guard const hold(all.mutex);
  if (all.over.exchange(true)) return;
  all.took = clock::now() - begin;
  all.done = all.a;
}

template <class Mutex> auto contenders(bool processes) {
  return [processes](std::size_t times) {
    in_the_commons<contest<Mutex>> home;
    auto& all = *home;
    if (processes) {
      std::array<pid_t, 2> children{};
      for (int side = 0; side < 2; ++side) {
        pid_t const child = ::fork();
        if (child == 0) in_child([&] { contend(all, side, times); });
        check(child > 0, "fork");
        children[static_cast<std::size_t>(side)] = child;
      }
      for (pid_t const child : children) wait_for(child);
    } else {
      std::thread one([&] { contend(all, 0, times); }), other([&] { contend(all, 1, times); });
      one.join();
      other.join();
    }
    check(all.wrong == 0 && all.a >= static_cast<long>(times) && all.a == all.b, "two were inside");
    return all.took * (2 * static_cast<double>(times) / static_cast<double>(all.done));
  };
}

template <class Mutex> struct greed {
  Mutex mutex;
  std::atomic<bool> over;
  std::atomic<int> ready;
};

/// One side holds it for a millisecond and relocks at once, again and again; what the other waits at most, of 5 turns.
template <class Mutex> auto beside_a_hog(bool processes) {
  return [processes](std::size_t times) {
    in_the_commons<greed<Mutex>> home;
    auto& all = *home;
    auto const hog = [&] {
      pin_side(1);
      while (!all.over) {
        std::lock_guard const hold(all.mutex);
        all.ready = 1;
        for (auto const until = clock::now() + std::chrono::milliseconds(1); clock::now() < until;) {}
      }
    };
    pid_t child = 0;
    std::thread thread;
    if (processes) {
      child = ::fork();
      if (child == 0) in_child(hog);
      check(child > 0, "fork");
    } else {
      thread = std::thread(hog);
    }
    while (all.ready == 0) std::this_thread::yield();
    seconds sum{0};
    for (std::size_t i = 0; i < times; ++i) {
      seconds worst{0};
      for (int turn = 0; turn < 5; ++turn) {
        auto const begin = clock::now();
        all.mutex.lock();
        worst = std::max<seconds>(worst, clock::now() - begin);
        all.mutex.unlock();
      }
      sum += worst;
    }
    all.over = true;
    if (processes) wait_for(child);
    if (!processes) thread.join();
    return sum;
  };
}

template <class Mutex> struct estate {
  Mutex mutex;
  std::atomic<int> held;
};

/// From the kill of the owner, a process, to the return of a lock() that has slept for two milliseconds.
template <class Mutex> auto until_a_death_is_known() {
  return [](std::size_t times) {
    seconds sum{0};
    for (std::size_t i = 0; i < times; ++i) {
      in_the_commons<estate<Mutex>> home;
      auto& all = *home;
      pid_t const owner = ::fork();
      if (owner == 0) {
        in_child([&] {
          pin_side(1);
          all.mutex.lock();
          all.held = 1;
          for (;;) ::pause();
        });
      }
      while (all.held == 0) std::this_thread::yield();
      clock::time_point woken;
      bool told = false;
      std::thread waiter([&] {
        if constexpr (std::is_same_v<Mutex, robust>) {
          all.mutex.lock();
          woken = clock::now();
          told = all.mutex.has_died();
          all.mutex.unlock();
        } else {
          try {
            all.mutex.lock();
          } catch (tandem::owner_died const&) {
            woken = clock::now();
            told = true;
          }
        }
      });
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
      auto const begin = clock::now();
      ::kill(owner, SIGKILL);
      waiter.join();
      ::waitpid(owner, nullptr, 0);
      check(told, "the owner's death was not told");
      sum += woken - begin;
    }
    return sum;
  };
}

}  // namespace

void questions() {
  question("S1: mutex, lock and unlock, nobody else there", unit::ns)
      .about("All in shared memory; tandem's survive their owner.")
      .surrounded_by([] { return std::make_unique<second_thread>(); })
      .base("std::mutex", alone<std::mutex>())
      .peer("tandem::mutex", alone<tandem::mutex>())
      .peer("pthread pshared", alone<pshared>())
      .peer("pthread robust", alone<robust>())
      .peer_if(TANDEM_BENCH_BOOST, "Boost interprocess_mutex", alone<boost_mutex>(), no_boost)
      .peer_if(TANDEM_BENCH_ABSL, "absl::Mutex", alone<absl_mutex>(), no_absl)
      .budget("tandem::mutex", at_most(0.9))
      .budget("tandem::mutex", at_most(0.6), "pthread robust");

  question("recursive mutex, lock and unlock, nobody else there", unit::ns)
      .surrounded_by([] { return std::make_unique<second_thread>(); })
      .base("std::recursive_mutex", alone<std::recursive_mutex>())
      .peer("tandem::recursive_mutex", alone<tandem::recursive_mutex>())
      .peer("tandem::recursive_mutex, held", deeper());

  for (bool const processes : {false, true}) {
    question q(processes ? "S2: mutex, two processes want it at once" : "S2: mutex, two threads want it at once",
               unit::million_per_s);
    q.about("Pairs of lock and unlock on both sides, until one is through.")
        .placed(placement::two_cpus)
        .per_call(2)
        .base("pthread robust", contenders<robust>(processes))
        .peer("tandem::mutex", contenders<tandem::mutex>(processes))
        .peer("pthread pshared", contenders<pshared>(processes))
        .peer_if(TANDEM_BENCH_BOOST, "Boost interprocess_mutex", contenders<boost_mutex>(processes), no_boost)
        .budget("tandem::mutex", at_least(2));
    if (!processes) {
      q.peer("std::mutex", contenders<std::mutex>(false))
          .peer_if(TANDEM_BENCH_ABSL, "absl::Mutex", contenders<absl_mutex>(false), no_absl);
    }
  }

  for (bool const processes : {false, true}) {
    question q(processes ? "S2: waiting beside a process that relocks at once, at most"
                         : "S2: waiting beside a thread that relocks at once, at most",
               unit::ms);
    q.about("It holds the mutex for a millisecond each time; the longest of 5 waits, 10 ms are allowed.")
        .placed(placement::two_cpus)
        .base("pthread robust", beside_a_hog<robust>(processes))
        .peer("tandem::mutex", beside_a_hog<tandem::mutex>(processes));
  }

  question("S6: a process is killed, until who waits for its mutex is awake", unit::us)
      .about("1000 us are allowed.")
      .placed(placement::two_cpus)
      .base("pthread robust", until_a_death_is_known<robust>())
      .peer("tandem::mutex", until_a_death_is_known<tandem::mutex>());
}

}  // namespace tandem_bench
