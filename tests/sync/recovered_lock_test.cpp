// SPDX-License-Identifier: BSL-1.0
#include "tandem/sync/recovered_lock.hpp"

#include <type_traits>
#include <utility>

#include "support/catch.hpp"

namespace {

struct counting_mutex {
  int unlocked = 0;
  void unlock() noexcept { ++unlocked; }
};
using lock = tandem::recovered_lock<counting_mutex>;

}  // namespace

static_assert(std::is_same_v<lock::mutex_type, counting_mutex> && !std::is_copy_constructible_v<lock> &&
              std::is_nothrow_move_constructible_v<lock> && !std::is_move_assignable_v<lock>);

TEST_CASE("recovered_lock: unlocks at the end of its scope, once", "[sync][recovered_lock]") {
  counting_mutex mutex;
  {
    lock const held(mutex, true);
    CHECK(held.abandoned());
    CHECK(mutex.unlocked == 0);
  }
  CHECK(mutex.unlocked == 1);
  {
    lock held(mutex, false);
    CHECK_FALSE(held.abandoned());
    held.unlock();
    CHECK(mutex.unlocked == 2);
    held.unlock();
  }
  CHECK(mutex.unlocked == 2);
}

TEST_CASE("recovered_lock: moved, the new one unlocks, and knows what the old one knew", "[sync][recovered_lock]") {
  counting_mutex mutex;
  {
    lock first(mutex, true);
    lock const second(std::move(first));
    CHECK(second.abandoned());
  }
  CHECK(mutex.unlocked == 1);
}
