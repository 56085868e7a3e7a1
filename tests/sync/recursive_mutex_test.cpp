// SPDX-License-Identifier: BSL-1.0
// What recursive mutexes have in common, std's and ours.
#include "tandem/sync/recursive_mutex.hpp"

#include <cstring>
#include <mutex>

#include "sync/mutex_probes.hpp"

using namespace tandem_test;

using recursive_of_tandem = joined_lists<of_tandem<tandem::recursive_mutex>, of_tandem<tandem::recursive_timed_mutex>>;
using all_recursive =
    joined_lists<of_std<std::recursive_mutex>, of_std<std::recursive_timed_mutex>, recursive_of_tandem>;

namespace {

/// As if it had been locked so often: that would take a minute.
template <class Mutex> void set_depth(Mutex& mutex, std::uint32_t depth) {
  std::memcpy(reinterpret_cast<char*>(&mutex) + 8, &depth, sizeof depth);
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("recursive_mutex: its owner locks it again, and unlocks it as often", "[sync][recursive_mutex]",
                        all_recursive) {
  typename TestType::template home<typename TestType::mutex> home;
  auto& mutex = *home;
  for (int round = 0; round < 2; ++round) {
    mutex.lock();
    mutex.lock();
    CHECK(mutex.try_lock());
    for (int i = 0; i < 3; ++i) {
      CHECK_FALSE(is_free_for_others<typename TestType::peers>(mutex));
      mutex.unlock();
    }
    CHECK(is_free_for_others<typename TestType::peers>(mutex));
  }
}

TEMPLATE_LIST_TEST_CASE("recursive_mutex: only one is inside, however deep", "[sync][recursive_mutex]", all_recursive) {
  struct counter {
    typename TestType::mutex lock{};
    long a = 0, b = 0;
  };
  typename TestType::template home<counter> home;
  auto& inside = *home;
  auto& wrong = place<std::atomic<int>>(0);
  auto const work = [&] {
    for (int i = 0; i < 3000; ++i) {
      std::unique_lock outer(inside.lock);
      for (int depth = 0; depth < i % 4; ++depth) inside.lock.lock();
      if (inside.a != inside.b) ++wrong;
      ++inside.a;
      {
        std::lock_guard const inner(inside.lock);
        ++inside.b;
      }
      for (int depth = 0; depth < i % 4; ++depth) inside.lock.unlock();
    }
  };
  TestType::peers::spawn_and_join(2, work, work);
  CHECK(inside.a == 9000);
  CHECK(inside.b == 9000);
  CHECK(wrong == 0);
}

TEMPLATE_LIST_TEST_CASE("recursive_mutex: a count at its end is told", "[sync][recursive_mutex][errors]",
                        recursive_of_tandem) {
  typename TestType::template home<typename TestType::mutex> home;
  auto& mutex = *home;
  mutex.lock();
  set_depth(mutex, UINT32_MAX - 1);
  mutex.lock();
  CHECK(error_of([&] { mutex.lock(); }) == EAGAIN);
  CHECK_FALSE(mutex.try_lock());
  CHECK(error_of([&] { auto const hold = mutex.recover(); }) == EAGAIN);
  if constexpr (timed<typename TestType::mutex>) CHECK_FALSE(mutex.try_lock_for(std::chrono::hours(1)));
  mutex.unlock();
  mutex.lock();  // nothing had changed
  set_depth(mutex, 1);
  mutex.unlock();
  CHECK(is_free_for_others<typename TestType::peers>(mutex));
}

TEMPLATE_LIST_TEST_CASE("recursive_mutex: recover by its owner goes one deeper", "[sync][recursive_mutex]",
                        recursive_of_tandem) {
  typename TestType::template home<typename TestType::mutex> home;
  auto& mutex = *home;
  mutex.lock();
  {
    auto const hold = mutex.recover();
    CHECK_FALSE(hold.abandoned());
  }
  CHECK_FALSE(is_free_for_others<typename TestType::peers>(mutex));
  mutex.unlock();
  CHECK(is_free_for_others<typename TestType::peers>(mutex));
}

TEMPLATE_LIST_TEST_CASE("recursive_mutex: a dead owner's depth is forgotten", "[sync][recursive_mutex][death]",
                        recursive_of_tandem) {
  typename TestType::template home<typename TestType::mutex> home;
  auto& mutex = *home;
  for (way const how : ways_of<typename TestType::peers>()) {
    end_after<typename TestType::peers>(how, [&] {
      for (int i = 0; i < 5; ++i) mutex.lock();
    });
    CHECK_THROWS_AS(mutex.lock(), tandem::owner_died);
    CHECK_THAT(last_words([&] { mutex.unlock(); }), says_not_the_owner());
    {
      auto const hold = mutex.recover();
      CHECK(hold.abandoned());
    }
    CHECK(is_free_for_others<typename TestType::peers>(mutex));
  }
}

TEMPLATE_LIST_TEST_CASE("recursive_mutex: one unlock too many is stopped", "[sync][recursive_mutex][errors]",
                        recursive_of_tandem) {
  typename TestType::template home<typename TestType::mutex> home;
  auto& mutex = *home;
  CHECK_THAT(last_words([&] {
               mutex.lock();
               mutex.lock();
               mutex.unlock();
               mutex.unlock();
               mutex.unlock();
             }),
             says_not_the_owner());
  mutex.lock();
  mutex.lock();
  CHECK_THAT(last_words([&] { mutex.unlock(); }), says_not_the_owner());  // a forked child
  mutex.unlock();
  CHECK_FALSE(is_free_for_others<typename TestType::peers>(mutex));
  mutex.unlock();
  CHECK(is_free_for_others<typename TestType::peers>(mutex));
}

TEMPLATE_LIST_TEST_CASE("recursive_mutex: marked unrecoverable at any depth, its owner's unlocks do nothing",
                        "[sync][recursive_mutex]", recursive_of_tandem) {
  typename TestType::template home<typename TestType::mutex> home;
  auto& mutex = *home;
  mutex.lock();
  mutex.lock();
  mutex.mark_unrecoverable();
  CHECK(error_of([&] { mutex.lock(); }) == ENOTRECOVERABLE);
  mutex.unlock();
  mutex.unlock();
  CHECK(error_of([&] { mutex.try_lock(); }) == ENOTRECOVERABLE);
}
