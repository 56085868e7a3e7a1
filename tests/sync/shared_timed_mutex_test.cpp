// SPDX-License-Identifier: BSL-1.0
#include "tandem/sync/shared_timed_mutex.hpp"

#include <chrono>
#include <mutex>
#include <shared_mutex>
#include <thread>

#include "support/catch.hpp"

using namespace std::chrono_literals;

// What it has in common with shared_mutex, deaths above all, is tested there.
TEMPLATE_TEST_CASE("shared_timed_mutex: deadlines to read and to write, std's and ours", "[sync][shared_timed_mutex]",
                   std::shared_timed_mutex, tandem::shared_timed_mutex) {
  TestType mutex;
  auto const elsewhere = [](auto attempt) {
    bool got = false;
    std::thread([&] { got = attempt(); }).join();
    return got;
  };
  {
    std::shared_lock const reads(mutex, 1h);
    CHECK(reads.owns_lock());
    CHECK(elsewhere([&] { return std::shared_lock(mutex, std::chrono::steady_clock::now() + 1h).owns_lock(); }));
    CHECK_FALSE(elsewhere([&] { return mutex.try_lock_for(2ms); }));
    CHECK_FALSE(elsewhere([&] { return mutex.try_lock_until(std::chrono::system_clock::now() + 2ms); }));
    CHECK(elsewhere([&] { return std::shared_lock(mutex, 1h).owns_lock(); }));  // who gave up is in nobody's way
  }
  std::unique_lock const writes(mutex, 1h);
  CHECK(writes.owns_lock());
  CHECK_FALSE(elsewhere([&] { return mutex.try_lock_shared_for(2ms); }));
  CHECK_FALSE(elsewhere([&] { return mutex.try_lock_shared_for(-1h); }));
  CHECK_FALSE(elsewhere([&] { return mutex.try_lock_shared_until(std::chrono::system_clock::now() + 2ms); }));
  CHECK_FALSE(elsewhere([&] { return mutex.try_lock_shared_until(std::chrono::steady_clock::now()); }));
}

TEST_CASE("shared_timed_mutex: its size, and deadlines of the library", "[sync][shared_timed_mutex]") {
  STATIC_REQUIRE(sizeof(tandem::shared_timed_mutex) == 576);
  tandem::shared_timed_mutex mutex;
  CHECK(mutex.try_lock_shared_until(tandem::deadline::never()));
  std::thread([&] { CHECK_FALSE(mutex.try_lock_until(tandem::deadline::after(1ms))); }).join();
  mutex.unlock_shared();
}
