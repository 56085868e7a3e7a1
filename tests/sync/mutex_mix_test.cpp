// SPDX-License-Identifier: BSL-1.0
// All primitives that outlive their users, used by the same workers in any order, who are killed at any moment.
#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <random>
#include <shared_mutex>

#include "support/build_kind.hpp"
#include "support/catch.hpp"
#include "support/random_kill.hpp"
#include "support/watchdog.hpp"
#include "tandem/memory/shared.hpp"
#include "tandem/os/clock.hpp"
#include "tandem/sync.hpp"

using namespace std::chrono_literals;
using tandem_test::verdict;

namespace {

struct pair_of_equals {
  long a = 0, b = 0;
};

/// What a lock protects: equal, but for one who died in between.
struct guarded {
  std::atomic<long> a{0}, b{0};

  bool is_whole() const { return a == b; }
  void change() {
    a.store(a + 1, std::memory_order_relaxed);
    b.store(b + 1, std::memory_order_relaxed);
  }
  void repair() { b.store(a, std::memory_order_relaxed); }
};

constexpr std::uint32_t flags = 4096;

struct board {
  tandem::mutex mutex;
  guarded by_mutex;
  tandem::recursive_timed_mutex recursive;
  guarded by_recursive;
  tandem::shared_mutex readers;
  guarded by_readers;
  tandem::synchronized_value<pair_of_equals> value, other;
  tandem::permits permits{2};
  tandem::counting_semaphore<> semaphore{0};
  tandem::condition_variable changed;
  tandem::once_flag once[flags];
  std::atomic<int> done[flags]{};
  std::atomic<std::uint32_t> next_flag{0};
  std::atomic<long> rounds{0}, wrong{0};
};

/// Locks, and does `change` under the lock, where need be after a repair.
template <class Mutex> void under(Mutex& mutex, guarded& data, board& all, void (*change)(guarded&)) {
  try {
    std::lock_guard const hold(mutex);
    if (!data.is_whole()) ++all.wrong;
    change(data);
  } catch (tandem::owner_died const&) {
    auto const hold = mutex.recover();
    if (hold.abandoned())
      data.repair();
    else if (!data.is_whole())
      ++all.wrong;
    change(data);
  }
}

void twice(guarded& data) {
  data.change();
  data.change();
}

void work(board& all, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  for (;;) {
    switch (random() % 10) {
      case 0:
        under(all.mutex, all.by_mutex, all, [](guarded& data) { data.change(); });
        break;
      case 1:
        under(all.recursive, all.by_recursive, all, [](guarded& data) { data.change(); });
        break;
      case 2:
        under(all.recursive, all.by_recursive, all, &twice);
        break;
      case 3:
        under(all.readers, all.by_readers, all, [](guarded& data) { data.change(); });
        break;
      case 4:
        try {
          std::shared_lock const hold(all.readers);
          if (!all.by_readers.is_whole()) ++all.wrong;
        } catch (tandem::owner_died const&) {
          auto const hold = all.readers.recover();
          if (hold.abandoned()) all.by_readers.repair();
        }
        break;
      case 5:
        tandem::apply(
            [&](pair_of_equals& one, pair_of_equals& another) {
              if (one.a != one.b || another.a != another.b) ++all.wrong;
              ++one.a, ++another.a;
              ++one.b, ++another.b;
            },
            all.value, all.other);
        break;
      case 6: {
        auto const held = all.permits.acquire();
        break;
      }
      case 7:
        all.semaphore.release();
        static_cast<void>(all.semaphore.try_acquire_for(1ms));  // another may have died with it
        break;
      case 8:
        try {
          std::unique_lock lock(all.mutex);
          static_cast<void>(all.changed.wait_for(lock, 100us));
          lock.unlock();
          all.changed.notify_all();
        } catch (tandem::owner_died const&) {
          auto const hold = all.mutex.recover();
          if (hold.abandoned()) all.by_mutex.repair();
          all.changed.notify_all();
        }
        break;
      default: {
        std::uint32_t const k = ++all.next_flag % flags;
        tandem::call_once(all.once[k], [&] { all.done[k] = 1; });
        if (all.done[k] != 1) ++all.wrong;
      }
    }
    ++all.rounds;
  }
}

}  // namespace

template <> inline constexpr bool tandem::enable_shareable<board> = true;

TEST_CASE("sync: all primitives at once, killed at random, nobody hangs and nothing is torn", "[sync][mix][kill]") {
  tandem_test::watchdog::allow(tandem_test::soaking() ? std::chrono::seconds(14'000) : std::chrono::seconds(240));
  tandem::shared<board> all;
  long before = 0;
  auto const report = tandem_test::random_kill({
      .workers = 5,
      .kills = tandem_test::repetitions(tandem_test::sanitized ? 100 : 300, 100'000),
      .work = [&](int, std::uint64_t seed) { work(*all, seed); },
      .check = [&](int) -> verdict {
        if (all->wrong != 0) return "something was torn";
        auto const until = tandem::os::monotonic_ns() + 10'000'000'000;
        while (all->rounds == before)
          if (tandem::os::monotonic_ns() > until) return "nobody gets on";
        before = all->rounds;
        return true;
      },
  });
  INFO(report.to_string());
  CHECK(report.passed());
  CHECK(all->permits.available() == 2);
  if (tandem_test::soaking()) WARN(report.to_string() << "; " << all->rounds << " rounds, " << all->wrong << " wrong");
}
