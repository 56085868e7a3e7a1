// SPDX-License-Identifier: BSL-1.0
// What only a recursive mutex with deadlines has, std's and ours; the rest is in the tests of the other three.
#include "tandem/sync/recursive_timed_mutex.hpp"

#include <chrono>
#include <mutex>

#include "sync/mutex_probes.hpp"

using namespace tandem_test;
using namespace std::chrono_literals;

using all_recursive_timed = joined_lists<of_std<std::recursive_timed_mutex>, of_tandem<tandem::recursive_timed_mutex>>;

TEMPLATE_LIST_TEST_CASE("recursive_timed_mutex: its owner locks it again, whatever the time",
                        "[sync][recursive_timed_mutex]", all_recursive_timed) {
  typename TestType::template home<typename TestType::mutex> home;
  auto& mutex = *home;
  CHECK(mutex.try_lock_for(0s));
  CHECK(mutex.try_lock_for(-1s));
  CHECK(mutex.try_lock_until(std::chrono::steady_clock::now() - 1s));
  CHECK(mutex.try_lock_until(std::chrono::system_clock::now() + 1h));
  for (int i = 0; i < 4; ++i) {
    TestType::peers::spawn_and_join(1, [&] { require(!mutex.try_lock_for(1ms), "it is held"); });
    mutex.unlock();
  }
  CHECK(is_free_for_others<typename TestType::peers>(mutex));
}
