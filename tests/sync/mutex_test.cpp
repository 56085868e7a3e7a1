// SPDX-License-Identifier: BSL-1.0
#include "tandem/sync/mutex.hpp"

#include <signal.h>

#include <mutex>
#include <thread>

#include "support/catch.hpp"
#include "support/probes.hpp"
#include "tandem/memory/shared.hpp"

using tandem_test::processes, tandem_test::threads;

TEMPLATE_TEST_CASE("mutex: only one at a time is inside", "[sync][mutex]", threads, processes) {
  struct counter {
    tandem::mutex lock;
    long a = 0, b = 0;
  };
  auto& all = tandem_test::place<counter>();
  std::atomic<int>& wrong = tandem_test::place<std::atomic<int>>(0);
  auto const work = [&] {
    for (int i = 0; i < 20'000; ++i) {
      std::lock_guard const hold(all.lock);
      if (all.a != all.b) ++wrong;
      ++all.a;
      ++all.b;
    }
  };
  TestType::spawn_and_join(3, work, work);
  CHECK(all.a == 80'000);
  CHECK(all.b == 80'000);
  CHECK(wrong == 0);
}
