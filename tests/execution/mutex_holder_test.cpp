// SPDX-License-Identifier: BSL-1.0
// What becomes of a mutex that a process holds when it ends.
#include <mutex>
#include <stdexcept>

#include "support/catch.hpp"
#include "tandem/execution.hpp"
#include "tandem/memory/shared.hpp"
#include "tandem/sync.hpp"

TEMPLATE_TEST_CASE("process: an exception that leaves it leaves its mutex abandoned; std's lock types do not",
                   "[execution][mutex][death]", tandem::mutex, tandem::timed_mutex, tandem::recursive_mutex,
                   tandem::recursive_timed_mutex) {
  tandem::shared<TestType> mutex;
  tandem::process thrown(
      [](tandem::shared<TestType> const& lock) {
        lock->lock();
        throw std::runtime_error("while it holds it");
      },
      mutex);
  CHECK_FALSE(thrown.join().has_value());
  CHECK_THROWS_AS(mutex->lock(), tandem::owner_died);
  CHECK(mutex->recover().abandoned());

  tandem::process in_order(
      [](tandem::shared<TestType> const& lock) {
        std::lock_guard const hold(*lock);
        throw std::runtime_error("while it holds it");
      },
      mutex);
  CHECK_FALSE(in_order.join().has_value());
  CHECK_FALSE(mutex->recover().abandoned());
}
