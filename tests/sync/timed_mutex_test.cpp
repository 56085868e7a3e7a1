// SPDX-License-Identifier: BSL-1.0
// What mutexes with deadlines have in common, std's and ours.
#include "tandem/sync/timed_mutex.hpp"

#include <chrono>
#include <mutex>

#include "sync/mutex_probes.hpp"

using namespace tandem_test;
using namespace std::chrono_literals;
using std::chrono::steady_clock, std::chrono::system_clock;

using all_timed = joined_lists<of_std<std::timed_mutex>, of_std<std::recursive_timed_mutex>,
                               of_tandem<tandem::timed_mutex>, of_tandem<tandem::recursive_timed_mutex>>;

TEMPLATE_LIST_TEST_CASE("timed_mutex: a free one is locked, whatever the time", "[sync][timed_mutex]", all_timed) {
  typename TestType::template home<typename TestType::mutex> home;
  auto& mutex = *home;
  auto const locks = [&](bool locked) {
    CHECK(locked);
    CHECK_FALSE(is_free_for_others<typename TestType::peers>(mutex));
    mutex.unlock();
  };
  locks(mutex.try_lock_for(0s));
  locks(mutex.try_lock_for(-1h));
  locks(mutex.try_lock_for(1h));
  locks(mutex.try_lock_for(0.5s));
  locks(mutex.try_lock_until(steady_clock::now() - 1s));
  locks(mutex.try_lock_until(steady_clock::now() + 1h));
  locks(mutex.try_lock_until(system_clock::now() - 1s));
  locks(mutex.try_lock_until(system_clock::now() + 1h));
  locks(mutex.try_lock_until(std::chrono::time_point_cast<std::chrono::seconds>(system_clock::now()) + 5s));
}

TEMPLATE_LIST_TEST_CASE("timed_mutex: one that others hold is not locked when the time is up, and not before",
                        "[sync][timed_mutex]", all_timed) {
  typename TestType::template home<typename TestType::mutex> home;
  auto& mutex = *home;
  mutex.lock();
  TestType::peers::spawn_and_join(1, [&] {
    auto const fails = [](bool locked) { require(!locked, "it is held"); };
    fails(mutex.try_lock_for(0s));
    fails(mutex.try_lock_for(-1h));
    fails(mutex.try_lock_until(steady_clock::now() - 1h));
    fails(mutex.try_lock_until(steady_clock::time_point()));
    fails(mutex.try_lock_until(system_clock::now() - 1h));
    auto const begin = steady_clock::now();
    fails(mutex.try_lock_for(20ms));
    require(steady_clock::now() - begin >= 20ms, "try_lock_for came back early");
    auto const until = steady_clock::now() + 20ms;
    fails(mutex.try_lock_until(until));
    require(steady_clock::now() >= until, "try_lock_until came back early");
    auto const date = system_clock::now() + 20ms;
    fails(mutex.try_lock_until(date));
  });
  mutex.unlock();
  CHECK(is_free_for_others<typename TestType::peers>(mutex));
}

TEMPLATE_LIST_TEST_CASE("timed_mutex: who sleeps gets it when it is unlocked in time", "[sync][timed_mutex]",
                        all_timed) {
  typename TestType::template home<typename TestType::mutex> home;
  auto& mutex = *home;
  auto const check_woken = [&](auto attempt) {
    std::unique_lock hold(mutex);
    bool got = false;
    sleeping_thread sleeper([&] {
      got = attempt();
      if (got) mutex.unlock();
    });
    hold.unlock();
    sleeper.join();
    CHECK(got);
  };
  check_woken([&] { return mutex.try_lock_for(1h); });
  check_woken([&] { return mutex.try_lock_until(steady_clock::now() + 1h); });
  check_woken([&] { return mutex.try_lock_until(system_clock::now() + 1h); });
}

TEMPLATE_LIST_TEST_CASE("timed_mutex: the longest of times do not overflow, and a deadline is a time",
                        "[sync][timed_mutex]", of_tandem<tandem::timed_mutex>) {
  typename TestType::template home<typename TestType::mutex> home;
  auto& mutex = *home;
  auto const check_woken = [&](auto limit_of) {
    std::unique_lock hold(mutex);
    sleeping_thread sleeper([&] { std::unique_lock const own(mutex, limit_of()); });
    hold.unlock();
  };
  check_woken([] { return std::chrono::hours::max(); });
  check_woken([] { return std::chrono::nanoseconds::max(); });
  check_woken([] { return steady_clock::time_point::max(); });
  check_woken([] { return system_clock::time_point::max(); });
  check_woken([] { return std::chrono::duration<double>(1e300); });
  CHECK(mutex.try_lock_until(tandem::deadline::after(0s)));
  TestType::peers::spawn_and_join(1,
                                  [&] { require(!mutex.try_lock_until(tandem::deadline::after(1ms)), "it is held"); });
  mutex.unlock();
  CHECK(mutex.try_lock_until(tandem::deadline::never()));
  mutex.unlock();
}

TEMPLATE_LIST_TEST_CASE("timed_mutex: those whose time is up take no wake-up from others", "[sync][timed_mutex]",
                        all_timed) {
  typename TestType::template home<typename TestType::mutex> home;
  auto& mutex = *home;
  auto& turns = place<std::atomic<int>>(0);
  TestType::peers::spawn_and_join(4, [&](int number) {
    for (int i = 0; i < 200;) {
      if (number == 0 || mutex.try_lock_for(std::chrono::microseconds(number * 30))) {
        if (number == 0) mutex.lock();
        std::this_thread::sleep_for(20us);
        ++turns;
        mutex.unlock();
        ++i;
      }
    }
  });
  CHECK(turns == 800);
}
