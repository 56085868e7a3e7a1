// SPDX-License-Identifier: BSL-1.0
// What all mutexes have in common, std's and ours.
#include "tandem/sync/mutex.hpp"

#include <signal.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "support/build_kind.hpp"
#include "sync/mutex_probes.hpp"

using namespace tandem_test;

using all_of_std = joined_lists<of_std<std::mutex>, of_std<std::timed_mutex>, of_std<std::recursive_mutex>,
                                of_std<std::recursive_timed_mutex>>;
using all_of_tandem = joined_lists<of_tandem<tandem::mutex>, of_tandem<tandem::timed_mutex>,
                                   of_tandem<tandem::recursive_mutex>, of_tandem<tandem::recursive_timed_mutex>>;
using all_mutexes = joined_lists<all_of_std, all_of_tandem>;

static_assert(sizeof(tandem::timed_mutex) == 8 && sizeof(tandem::recursive_timed_mutex) == 12);
static_assert(tandem::shareable<tandem::mutex> && tandem::shareable<tandem::timed_mutex> &&
              tandem::shareable<tandem::recursive_mutex> && tandem::shareable<tandem::recursive_timed_mutex>);
static_assert(!std::is_copy_constructible_v<tandem::mutex> && !std::is_move_constructible_v<tandem::timed_mutex> &&
              !std::is_copy_assignable_v<tandem::recursive_mutex>);
static_assert(
    (TANDEM_CHECKED != 0 ||
     std::is_trivially_destructible_v<tandem::mutex>)&&std::is_nothrow_default_constructible_v<tandem::mutex>);

namespace {

constinit tandem::mutex global;
constinit tandem::timed_mutex global_timed;
constinit tandem::recursive_mutex global_recursive;
constinit tandem::recursive_timed_mutex global_recursive_timed;

template <class Mutex> struct counter {
  Mutex lock{};
  long a = 0, b = 0;
};

}  // namespace

TEMPLATE_LIST_TEST_CASE("mutex: only one at a time is inside", "[sync][mutex]", all_mutexes) {
  typename TestType::template home<counter<typename TestType::mutex>> home;
  auto& inside = *home;
  auto& wrong = place<std::atomic<int>>(0);
  long const times = repetitions(20'000, 1'000'000);
  auto const work = [&] {
    for (long i = 0; i < times; ++i) {
      std::lock_guard const hold(inside.lock);
      if (inside.a != inside.b) ++wrong;
      ++inside.a;
      ++inside.b;
    }
  };
  TestType::peers::spawn_and_join(3, work, work);
  CHECK(inside.a == 4 * times);
  CHECK(inside.b == 4 * times);
  CHECK(wrong == 0);
}

TEMPLATE_LIST_TEST_CASE("mutex: try_lock succeeds where nobody holds it", "[sync][mutex]", all_mutexes) {
  typename TestType::template home<typename TestType::mutex> home;
  auto& mutex = *home;
  CHECK(mutex.try_lock());
  CHECK_FALSE(is_free_for_others<typename TestType::peers>(mutex));
  mutex.unlock();
  CHECK(is_free_for_others<typename TestType::peers>(mutex));
}

TEMPLATE_LIST_TEST_CASE("mutex: what was done before unlock is seen after try_lock", "[sync][mutex]", all_mutexes) {
  typename TestType::template home<counter<typename TestType::mutex>> home;
  auto& inside = *home;
  auto& wrong = place<std::atomic<int>>(0);
  auto const work = [&] {
    for (int done = 0; done < 1000;) {
      std::unique_lock const hold(inside.lock, std::try_to_lock);
      if (!hold) continue;
      if (inside.a != inside.b) ++wrong;
      ++inside.a;
      ++inside.b;
      ++done;
    }
  };
  TestType::peers::spawn_and_join(1, work, work);
  CHECK(inside.a == 2000);
  CHECK(wrong == 0);
}

TEMPLATE_LIST_TEST_CASE("mutex: who sleeps gets it when it is unlocked", "[sync][mutex]", all_mutexes) {
  typename TestType::template home<typename TestType::mutex> home;
  auto& mutex = *home;
  std::unique_lock hold(mutex);
  std::atomic<bool> got{false};
  sleeping_thread sleeper([&] {
    std::lock_guard const own(mutex);
    got = true;
  });
  CHECK_FALSE(got);
  hold.unlock();
  sleeper.join();
  CHECK(got);
}

TEMPLATE_LIST_TEST_CASE("mutex: std's lock types work with it, two at once without a deadlock", "[sync][mutex]",
                        all_mutexes) {
  using mutex = typename TestType::mutex;
  struct two {
    mutex one{}, other{};
    long a = 0;
  };
  typename TestType::template home<two> home;
  auto& both = *home;
  auto const work = [&](int number) {
    for (int i = 0; i < 1000; ++i) {
      if (number % 2 == 0) {
        std::scoped_lock const hold(both.one, both.other);
        ++both.a;
      } else {
        std::unique_lock first(both.other, std::defer_lock), second(both.one, std::defer_lock);
        std::lock(first, second);
        ++both.a;
      }
    }
  };
  TestType::peers::spawn_and_join(2, work, [&] { work(2); });
  CHECK(both.a == 3000);

  CHECK(std::try_lock(both.one, both.other) == -1);
  std::unique_lock adopted(both.one, std::adopt_lock);
  std::lock_guard const adopted_too(both.other, std::adopt_lock);
  auto moved = std::move(adopted);
  CHECK(moved.owns_lock());
}

TEMPLATE_LIST_TEST_CASE("mutex: std::condition_variable_any works with it", "[sync][mutex]", all_mutexes) {
  typename TestType::template home<typename TestType::mutex> home;
  auto& mutex = *home;
  std::condition_variable_any changed;
  int turn = 0;
  auto const play = [&](int mine) {
    for (int i = 0; i < 100; ++i) {
      std::unique_lock hold(mutex);
      changed.wait(hold, [&] { return turn % 2 == mine; });
      ++turn;
      changed.notify_all();
    }
  };
  std::thread other([&] { play(1); });
  play(0);
  other.join();
  CHECK(turn == 200);
}

TEST_CASE("mutex: a global one needs no initialisation", "[sync][mutex]") {
  std::scoped_lock const hold(global, global_timed, global_recursive, global_recursive_timed);
  CHECK_FALSE(is_free_for_others<threads>(global));
  CHECK_FALSE(is_free_for_others<threads>(global_recursive));
}

TEMPLATE_LIST_TEST_CASE("mutex: to lock one's own again is a deadlock that is told", "[sync][mutex][errors]",
                        all_of_tandem) {
  if constexpr (!is_recursive<typename TestType::mutex>) {
    typename TestType::template home<typename TestType::mutex> home;
    auto& mutex = *home;
    mutex.lock();
    CHECK(error_of([&] { mutex.lock(); }) == EDEADLK);
    CHECK_FALSE(mutex.try_lock());
    CHECK(error_of([&] { auto const hold = mutex.recover(); }) == EDEADLK);
    if constexpr (timed<typename TestType::mutex>)
      CHECK(error_of([&] { mutex.try_lock_for(std::chrono::hours(1)); }) == EDEADLK);
    CHECK_FALSE(is_free_for_others<typename TestType::peers>(mutex));
    mutex.unlock();
    CHECK(is_free_for_others<typename TestType::peers>(mutex));
  }
}

TEMPLATE_LIST_TEST_CASE("mutex: who does not hold it cannot unlock it", "[sync][mutex][errors]", all_of_tandem) {
  typename TestType::template home<typename TestType::mutex> home;
  auto& mutex = *home;
  CHECK_THAT(last_words([&] { mutex.unlock(); }), says_not_the_owner());
  CHECK_THAT(last_words([&] {
               mutex.lock();
               mutex.unlock();
               mutex.unlock();
             }),
             says_not_the_owner());
  CHECK_THAT(last_words([&] {
               mutex.lock();
               mutex.unlock();
               std::thread([&] { mutex.unlock(); }).join();  // one that has not enrolled
             }),
             says_not_the_owner());
  mutex.lock();
  CHECK_THAT(last_words([&] { mutex.unlock(); }), says_not_the_owner());  // a forked child: its parent's lock
  CHECK_THAT(last_words([&] { mutex.mark_unrecoverable(); }), says_not_the_owner());
  CHECK_FALSE(is_free_for_others<typename TestType::peers>(mutex));
  CHECK_THAT(last_words([&] { std::thread([&] { mutex.unlock(); }).join(); }), says_not_the_owner());
  CHECK_FALSE(is_free_for_others<typename TestType::peers>(mutex));
  mutex.unlock();
  CHECK_THAT(last_words([&] { mutex.mark_unrecoverable(); }), says_not_the_owner());
  CHECK(is_free_for_others<typename TestType::peers>(mutex));
}

TEMPLATE_LIST_TEST_CASE("mutex: recover locks one that nobody abandoned", "[sync][mutex]", all_of_tandem) {
  typename TestType::template home<typename TestType::mutex> home;
  auto& mutex = *home;
  {
    auto first = mutex.recover();
    auto const hold = std::move(first);
    CHECK_FALSE(hold.abandoned());
    CHECK_FALSE(is_free_for_others<typename TestType::peers>(mutex));
  }
  CHECK(is_free_for_others<typename TestType::peers>(mutex));
  auto hold = mutex.recover();
  hold.unlock();
  hold.unlock();
  CHECK(is_free_for_others<typename TestType::peers>(mutex));
}

TEMPLATE_LIST_TEST_CASE("mutex: marked unrecoverable, nobody locks it again, and who sleeps wakes",
                        "[sync][mutex][errors]", all_of_tandem) {
  typename TestType::template home<typename TestType::mutex> home;
  auto& mutex = *home;
  mutex.lock();
  int told = 0, told_too = 0;
  sleeping_thread sleeper([&] { told = code_of([&] { mutex.lock(); }); });
  sleeping_thread another([&] { told_too = code_of([&] { auto const hold = mutex.recover(); }); });
  mutex.mark_unrecoverable();
  sleeper.join();
  another.join();
  CHECK(told == ENOTRECOVERABLE);
  CHECK(told_too == ENOTRECOVERABLE);
  mutex.unlock();
  mutex.mark_unrecoverable();
  TestType::peers::spawn_and_join(1, [&] {
    auto const fails = [](auto action) { require(code_of(action) == ENOTRECOVERABLE, "it was marked"); };
    fails([&] { mutex.lock(); });
    fails([&] { mutex.try_lock(); });
    fails([&] { auto const hold = mutex.recover(); });
    if constexpr (timed<typename TestType::mutex>) fails([&] { mutex.try_lock_for(std::chrono::hours(1)); });
    mutex.mark_unrecoverable();
  });
}
