// SPDX-License-Identifier: BSL-1.0
// ns for lock_shared and unlock_shared with nobody else there; million such pairs a second on two sides that read at
// once; ns for lock and unlock to write.
#include <pthread.h>  // for pthread_rwlock_t

#include <atomic>        // for atomic
#include <cstddef>       // for size_t
#include <memory>        // for make_unique
#include <mutex>         // for lock_guard
#include <shared_mutex>  // for shared_lock, shared_mutex

#include "support/question.hpp"
#include "sync/sides.hpp"
#include "tandem/sync/shared_mutex.hpp"

#if TANDEM_BENCH_BOOST
#include <boost/interprocess/sync/interprocess_sharable_mutex.hpp>
#endif

namespace tandem_bench {
namespace {

class pthread_rwlock {
 public:
  pthread_rwlock() {
    pthread_rwlockattr_t attributes;
    ::pthread_rwlockattr_init(&attributes);
    ::pthread_rwlockattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    ::pthread_rwlock_init(&lock_, &attributes);
  }
  ~pthread_rwlock() { ::pthread_rwlock_destroy(&lock_); }
  void lock() { ::pthread_rwlock_wrlock(&lock_); }
  void unlock() { ::pthread_rwlock_unlock(&lock_); }
  void lock_shared() { ::pthread_rwlock_rdlock(&lock_); }
  void unlock_shared() { ::pthread_rwlock_unlock(&lock_); }

 private:
  pthread_rwlock_t lock_;
};

#if TANDEM_BENCH_BOOST
struct boost_sharable : boost::interprocess::interprocess_sharable_mutex {
  void lock_shared() { lock_sharable(); }
  void unlock_shared() { unlock_sharable(); }
};
#else
using boost_sharable = std::shared_mutex;
#endif

template <class Mutex> struct guarded {
  alignas(64) Mutex mutex;
  alignas(64) long value;
  alignas(64) std::atomic<bool> over;
  std::atomic<std::size_t> by_the_other;
};

template <class Mutex> bool read(guarded<Mutex>& all, long expected) {
  std::shared_lock const hold(all.mutex);
  long seen = all.value;
  benchmark::DoNotOptimize(seen);
  return seen == expected;
}

template <class Mutex> auto reads_alone() {
  return [](std::size_t times) {
    static in_the_commons<guarded<Mutex>> home;
    auto& all = *home;
    all.value = 7;
    std::size_t right = 0;
    auto const begin = clock::now();
    for (std::size_t i = 0; i < times; ++i) right += read(all, 7);
    clock::duration const took = clock::now() - begin;
    check(right == times, "what was read");
    return took;
  };
}

template <class Mutex> auto writes_alone() {
  return [](std::size_t times) {
    static in_the_commons<guarded<Mutex>> home;
    auto& all = *home;
    all.value = 0;
    auto const begin = clock::now();
    for (std::size_t i = 0; i < times; ++i) {
      std::lock_guard const hold(all.mutex);
      benchmark::DoNotOptimize(++all.value);
    }
    clock::duration const took = clock::now() - begin;
    check(all.value == static_cast<long>(times), "the count");
    return took;
  };
}

/// Side 1 reads for as long as side 0 does.
template <class Mutex> auto two_read(bool processes) {
  return [processes](std::size_t times) {
    in_the_commons<guarded<Mutex>> home;
    auto& all = *home;
    all.value = 7;
    std::atomic<std::size_t>& by_the_other = all.by_the_other;
    std::size_t right = 0;
    clock::duration took;
    {
      auto const body = [&] {
        std::size_t done = 0;
        while (!all.over.load(std::memory_order_relaxed)) {
          if (!read(all, 7)) return;
          if (++done == 1) by_the_other = 1;
        }
        by_the_other = done;
      };
      other_side const other(processes, body);
      while (by_the_other == 0) std::this_thread::yield();
      auto const begin = clock::now();
      for (std::size_t i = 0; i < times; ++i) right += read(all, 7);
      took = clock::now() - begin;
      all.over = true;
    }
    check(right == times && by_the_other > 1, "what was read");
    return seconds(took) * (2 * static_cast<double>(times) / static_cast<double>(times + by_the_other));
  };
}

}  // namespace

void questions() {
  question("S3: shared_mutex, lock_shared and unlock_shared, one reader", unit::ns)
      .surrounded_by([] { return std::make_unique<second_thread>(); })
      .base("std::shared_mutex", reads_alone<std::shared_mutex>())
      .peer("tandem::shared_mutex", reads_alone<tandem::shared_mutex>())
      .peer("pthread pshared rwlock", reads_alone<pthread_rwlock>())
      .peer_if(TANDEM_BENCH_BOOST, "Boost sharable_mutex", reads_alone<boost_sharable>(), no_boost)
      .budget("tandem::shared_mutex", at_most(1.3));

  for (bool const processes : {false, true}) {
    question q(
        processes ? "S3: shared_mutex, two processes read at once" : "S3: shared_mutex, two threads read at once",
        unit::million_per_s);
    q.about("Pairs of lock_shared and unlock_shared on both sides; std's always in threads.")
        .placed(placement::two_cpus)
        .per_call(2)
        .base("std::shared_mutex", two_read<std::shared_mutex>(false))
        .peer("tandem::shared_mutex", two_read<tandem::shared_mutex>(processes))
        .peer("pthread pshared rwlock", two_read<pthread_rwlock>(processes))
        .peer_if(TANDEM_BENCH_BOOST, "Boost sharable_mutex", two_read<boost_sharable>(processes), no_boost)
        .budget("tandem::shared_mutex", at_least(1.0));
  }

  question("shared_mutex, lock and unlock to write, nobody else there", unit::ns)
      .surrounded_by([] { return std::make_unique<second_thread>(); })
      .base("std::shared_mutex", writes_alone<std::shared_mutex>())
      .peer("tandem::shared_mutex", writes_alone<tandem::shared_mutex>())
      .peer("pthread pshared rwlock", writes_alone<pthread_rwlock>())
      .peer_if(TANDEM_BENCH_BOOST, "Boost sharable_mutex", writes_alone<boost_sharable>(), no_boost);
}

}  // namespace tandem_bench
