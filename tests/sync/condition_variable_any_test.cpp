// SPDX-License-Identifier: BSL-1.0
#include "tandem/sync/condition_variable_any.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <shared_mutex>
#include <stdexcept>
#include <stop_token>
#include <thread>
#include <utility>

#include "support/catch.hpp"
#include "support/probes.hpp"
#include "sync/deaths.hpp"
#include "tandem/sync/mutex.hpp"
#include "tandem/sync/shared_mutex.hpp"

using namespace std::chrono_literals;
using tandem_test::child_process, tandem_test::place, tandem_test::threads;

TEMPLATE_TEST_CASE("condition_variable_any: takes any lock, std's and ours", "[sync][condition_variable_any]",
                   (std::pair<std::condition_variable_any, std::shared_mutex>),
                   (std::pair<tandem::condition_variable_any, std::shared_mutex>),
                   (std::pair<tandem::condition_variable_any, tandem::shared_mutex>),
                   (std::pair<std::condition_variable_any, tandem::mutex>)) {
  typename TestType::first_type changed;
  typename TestType::second_type mutex;
  int stage = 0;
  threads::spawn_and_join(
      2,
      [&] {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return stage == 1; });
        if (!lock.owns_lock()) throw std::runtime_error("it does not hold the lock");
      },
      [&] {
        {
          std::lock_guard const hold(mutex);
          stage = 1;
        }
        changed.notify_all();
      });
  mutex.lock();
  CHECK_FALSE(changed.wait_for(mutex, 1ms, [] { return false; }));
  CHECK(changed.wait_until(mutex, std::chrono::steady_clock::now()) == std::cv_status::timeout);
  CHECK(changed.wait_until(mutex, std::chrono::system_clock::now(), [] { return true; }));
  mutex.unlock();
}

TEMPLATE_TEST_CASE("condition_variable_any: a stop request ends the wait, std's and ours",
                   "[sync][condition_variable_any]", (std::pair<std::condition_variable_any, std::stop_source>),
                   (std::pair<tandem::condition_variable_any, tandem::stop_source>)) {
  typename TestType::first_type changed;
  typename TestType::second_type stop;
  std::mutex mutex;
  std::atomic<int> waiting{0};
  threads::spawn_and_join(
      2,
      [&](int number) {
        std::unique_lock lock(mutex);
        ++waiting;
        bool const done = number == 0 ? changed.wait(lock, stop.get_token(), [] { return false; })
                                      : changed.wait_for(lock, stop.get_token(), 1h, [] { return false; });
        if (done) throw std::runtime_error("nothing was done");
      },
      [&] {
        while (waiting < 2) std::this_thread::yield();
        stop.request_stop();
      });
  std::unique_lock lock(mutex);
  CHECK_FALSE(changed.wait(lock, stop.get_token(), [] { return false; }));
  CHECK(changed.wait(lock, stop.get_token(), [] { return true; }));
  typename TestType::second_type other;
  CHECK_FALSE(changed.wait_for(lock, other.get_token(), 1ms, [] { return false; }));
  CHECK_FALSE(changed.wait_until(lock, other.get_token(), std::chrono::steady_clock::now(), [] { return false; }));
}

TEST_CASE("condition_variable_any: a stop requested in another process ends the wait",
          "[sync][condition_variable_any]") {
  struct both {
    tandem::mutex lock;
    tandem::condition_variable_any changed;
    std::atomic<bool> waiting{false};
  };
  STATIC_REQUIRE(sizeof(tandem::condition_variable_any) == 8);
  STATIC_REQUIRE(tandem::shareable<tandem::condition_variable_any>);
  auto& all = place<both>();
  tandem::shared<std::atomic<std::uint32_t>> const word;
  auto const stop = tandem::impl::stop_access::make_source(word);
  child_process waits([&] {
    std::unique_lock lock(all.lock);
    all.waiting = true;
    CHECK_FALSE(all.changed.wait(lock, stop.get_token(), [] { return false; }));
    CHECK(lock.owns_lock());
  });
  while (!all.waiting) std::this_thread::yield();
  stop.request_stop();
  CHECK(waits.join().passed());
}
