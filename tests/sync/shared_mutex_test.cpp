// SPDX-License-Identifier: BSL-1.0
#include "tandem/sync/shared_mutex.hpp"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <shared_mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "support/build_kind.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/probes.hpp"
#include "support/random_kill.hpp"
#include "support/watchdog.hpp"
#include "sync/deaths.hpp"
#include "tandem/memory/commons.hpp"
#include "tandem/memory/shared.hpp"
#include "tandem/os/clock.hpp"
#include "tandem/os/cpu.hpp"
#include "tandem/os/process_table.hpp"
#include "tandem/sync/shared_timed_mutex.hpp"

using namespace std::chrono_literals;
using tandem_test::child_process, tandem_test::die_after, tandem_test::place, tandem_test::processes,
    tandem_test::run_in_child, tandem_test::threads, tandem_test::verdict;

namespace {

template <class Mutex> struct ledger {
  Mutex lock;
  std::atomic<long> a{0}, b{0};
  std::atomic<int> inside{0}, most{0}, torn{0}, ready{0}, done{0};
};

constinit tandem::shared_mutex shared_mutex_made_at_compile_time;

}  // namespace

template <class Mutex> inline constexpr bool tandem::enable_shareable<ledger<Mutex>> = true;

TEST_CASE("shared_mutex: its size, its layout", "[sync][shared_mutex]") {
  STATIC_REQUIRE(sizeof(tandem::shared_mutex) == 576);
  STATIC_REQUIRE(tandem::shareable<tandem::shared_mutex>);
  STATIC_REQUIRE(tandem::shareable<tandem::shared_timed_mutex>);
  std::shared_lock const one(shared_mutex_made_at_compile_time), two(shared_mutex_made_at_compile_time);
  CHECK_FALSE(shared_mutex_made_at_compile_time.try_lock());
}

TEMPLATE_TEST_CASE("shared_mutex: readers are beside each other, never beside a writer", "[sync][shared_mutex]",
                   std::shared_mutex, tandem::shared_mutex, std::shared_timed_mutex, tandem::shared_timed_mutex) {
  ledger<TestType> all;
  threads::spawn_and_join(4, [&](int number) {
    for (int i = 0; i < 3000; ++i) {
      if ((i + number) % 4 == 0) {
        std::lock_guard const hold(all.lock);
        if (all.inside != 0) ++all.torn;
        all.a.store(all.a + 1, std::memory_order_relaxed);
        all.b.store(all.b + 1, std::memory_order_relaxed);
      } else {
        std::shared_lock const hold(all.lock);
        ++all.inside;
        if (all.a != all.b) ++all.torn;
        --all.inside;
      }
    }
  });
  CHECK(all.torn == 0);
  CHECK(all.a == 3000);
  // Two at once:
  all.lock.lock_shared();
  bool beside = false;
  std::thread([&] {
    beside = all.lock.try_lock_shared();
    if (beside) all.lock.unlock_shared();
  }).join();
  CHECK(beside);
  std::thread([&] { CHECK_FALSE(all.lock.try_lock()); }).join();
  all.lock.unlock_shared();
  all.lock.lock();
  std::thread([&] { CHECK_FALSE(all.lock.try_lock_shared()); }).join();
  all.lock.unlock();
}

TEMPLATE_TEST_CASE("shared_mutex: across processes, in the commons and in other shared memory", "[sync][shared_mutex]",
                   threads, processes) {
  tandem::commons();
  tandem::shared<ledger<tandem::shared_mutex>> in_commons;
  auto& elsewhere = place<ledger<tandem::shared_mutex>>();
  for (auto* all : {in_commons.get(), &elsewhere}) {
    TestType::spawn_and_join(3, [all](int number) {
      for (int i = 0; i < 3000; ++i) {
        if ((i + number) % 3 == 0) {
          std::lock_guard const hold(all->lock);
          if (all->inside != 0) ++all->torn;
          all->a.store(all->a + 1, std::memory_order_relaxed);
          all->b.store(all->b + 1, std::memory_order_relaxed);
        } else {
          std::shared_lock const hold(all->lock);
          ++all->inside;
          if (all->a != all->b) ++all->torn;
          --all->inside;
        }
      }
    });
    CHECK(all->torn == 0);
    CHECK(all->a == 3000);
  }
}

TEST_CASE("shared_mutex: more readers than it has room for take turns", "[sync][shared_mutex]") {
  tandem::commons();
  tandem::shared<ledger<tandem::shared_mutex>> all;
  constexpr int readers = 140, room = 128;
  threads::spawn_and_join(readers, [&] {
    std::shared_lock const hold(all->lock);
    int const now = ++all->inside;
    for (int most = all->most; most < now && !all->most.compare_exchange_weak(most, now);) {}
    ++all->ready;
    while (all->ready < room) std::this_thread::yield();
    --all->inside;
  });
  CHECK(all->ready == readers);
  CHECK(all->most <= room);
  CHECK(all->lock.try_lock());
  all->lock.unlock();
}

TEST_CASE("shared_mutex: a dead reader is gone, a dead writer leaves it abandoned", "[sync][shared_mutex][death]") {
  tandem::commons();
  tandem::shared<ledger<tandem::shared_timed_mutex>> in_commons;
  auto& elsewhere = place<ledger<tandem::shared_timed_mutex>>();
  for (auto* all : {in_commons.get(), &elsewhere}) {
    auto const die_with = [all](auto lock) {
      CHECK(run_in_child([&] {
              lock();
              all->a = all->a + 1;
              ::raise(SIGKILL);
            }).signal == SIGKILL);
    };
    for (int i = 0; i < 200; ++i) die_with([all] { all->lock.lock_shared(); });  // more than there is room for
    CHECK(all->lock.try_lock_shared());
    all->lock.unlock_shared();
    CHECK(all->lock.try_lock_for(10s));
    all->lock.unlock();

    die_with([all] { all->lock.lock(); });
    CHECK_THROWS_AS(all->lock.lock_shared(), tandem::owner_died);
    CHECK_THROWS_AS(all->lock.try_lock_shared(), tandem::owner_died);
    CHECK_THROWS_AS(all->lock.try_lock_shared_for(1s), tandem::owner_died);
    CHECK_THROWS_AS(all->lock.lock(), tandem::owner_died);
    {
      auto const hold = all->lock.recover();
      CHECK(hold.abandoned());
    }
    std::shared_lock const reads(all->lock);
    CHECK(reads.owns_lock());
  }
}

TEST_CASE("shared_mutex: whoever waits is woken by the end of a reader, of a writer, of a deadline",
          "[sync][shared_mutex][death]") {
  tandem::commons();
  tandem::shared<ledger<tandem::shared_timed_mutex>> all;
  child_process reader([&] {
    all->lock.lock_shared();
    all->ready = 1;
    for (;;) ::pause();
  });
  while (all->ready == 0) std::this_thread::yield();
  CHECK_FALSE(all->lock.try_lock());
  CHECK_FALSE(all->lock.try_lock_for(2ms));
  CHECK(all->lock.try_lock_shared());  // the writer that gave up is in nobody's way
  all->lock.unlock_shared();
  std::thread writer([&] {
    all->lock.lock();
    all->done = 1;
    all->lock.unlock();
  });
  std::atomic<pid_t> waits{0};
  std::thread next([&] {  // behind the writer
    waits = tandem::os::thread_id();
    all->lock.lock_shared();
    all->lock.unlock_shared();
  });
  while (waits == 0) std::this_thread::yield();
  reader.kill();
  writer.join();
  next.join();
  CHECK(all->done == 1);

  all->lock.lock();
  bool read = true;
  std::thread([&] { read = all->lock.try_lock_shared_for(2ms); }).join();
  CHECK_FALSE(read);
  all->lock.unlock();
}

TEST_CASE("shared_mutex: misuse is told", "[sync][shared_mutex][errors]") {
  tandem::commons();
  tandem::shared<ledger<tandem::shared_mutex>> all;
  CHECK(run_in_child([&] { all->lock.unlock_shared(); }).signal == SIGABRT);
  CHECK(run_in_child([&] { all->lock.unlock(); }).signal == SIGABRT);
  all->lock.lock_shared();
  try {
    all->lock.lock();
    FAIL("a reader that waits for itself");
  } catch (std::system_error const& error) { CHECK(error.code() == std::errc::resource_deadlock_would_occur); }
  CHECK(run_in_child([&] { all->lock.unlock_shared(); }).signal == SIGABRT);  // a forked child is not its parent
  all->lock.unlock_shared();
  all->lock.lock();
  all->lock.mark_unrecoverable();
  all->lock.unlock();
  try {
    all->lock.lock_shared();
    FAIL("unrecoverable");
  } catch (std::system_error const& error) { CHECK(error.code() == std::errc::state_not_recoverable); }
}

namespace {

using timed_ledger = ledger<tandem::shared_timed_mutex>;

void survives(std::function<void(timed_ledger&)> const& prepare, std::function<void(timed_ledger&)> const& operation,
              long stride = 1) {
  tandem_test::survives_kills<timed_ledger>(stride, prepare, operation, [](timed_ledger& all) -> verdict {
    try {
      if (!all.lock.try_lock_shared_for(3s)) return "a reader waits for the dead";
      if (all.a != all.b) return "half a change was seen without a report";
      all.lock.unlock_shared();
      if (!all.lock.try_lock_for(3s)) return "a writer waits for the dead";
      all.lock.unlock();
    } catch (tandem::owner_died const&) {
      if (!all.lock.recover().abandoned()) return "a report without a reason";
    }
    return true;
  });
}

template <class Mutex> void change_ledger(ledger<Mutex>& all, int pauses = 0) {
  all.a.store(all.a + 1, std::memory_order_relaxed);
  for (int i = 0; i < pauses; ++i) tandem::os::relax();
  all.b.store(all.b + 1, std::memory_order_relaxed);
}

}  // namespace

TEST_CASE("shared_mutex: killed at every instruction of reading, others get on", "[sync][shared_mutex][kill]") {
  survives({}, [](timed_ledger& all) {
    all.lock.lock_shared();
    all.lock.unlock_shared();
  });
}

TEST_CASE("shared_mutex: killed at every instruction of writing, others get on", "[sync][shared_mutex][kill]") {
  survives({}, [](timed_ledger& all) {
    all.lock.lock();
    change_ledger(all);
    all.lock.unlock();
  });
}

TEST_CASE("shared_mutex: killed at every instruction of writing after one has read, others get on",
          "[sync][shared_mutex][kill]") {
  survives([](timed_ledger& all) { all.lock.lock_shared(); },
           [](timed_ledger& all) {
             all.lock.unlock_shared();
             all.lock.lock();
             change_ledger(all);
             all.lock.unlock();
           },
           2);
}

TEST_CASE("shared_mutex: killed at every instruction of recovering it, it can be recovered",
          "[sync][shared_mutex][kill]") {
  survives([](timed_ledger& all) { die_after([&] { all.lock.lock(); }); },
           [](timed_ledger& all) {
             auto const hold = all.lock.recover();
             all.b.store(all.a, std::memory_order_relaxed);
             change_ledger(all);
           });
}

TEST_CASE("shared_mutex: killed at random, nobody hangs and nothing is torn without a report",
          "[sync][shared_mutex][kill]") {
  tandem_test::watchdog::allow(tandem_test::soaking() ? std::chrono::seconds(4h) : 300s);
  tandem::commons();
  tandem::shared<ledger<tandem::shared_mutex>> all;
  auto const report = tandem_test::random_kill({
      .workers = 4,
      .kills = tandem_test::repetitions(tandem_test::sanitized ? 100 : 200, 100'000),
      .work =
          [&](int, std::uint64_t seed) {
            for (std::uint64_t n = seed;; ++n) {
              try {
                if (n % 4 == 0) {
                  std::lock_guard const hold(all->lock);
                  change_ledger(*all, 40);
                } else {
                  std::shared_lock const hold(all->lock);
                  if (all->a != all->b) ++all->torn;
                }
                ++all->ready;
              } catch (tandem::owner_died const&) {
                auto const hold = all->lock.recover();
                if (hold.abandoned()) {
                  ++all->done;
                  all->b.store(all->a, std::memory_order_relaxed);
                }
              }
            }
          },
      .check = [&](int) -> verdict {
        if (all->torn != 0) return "half a change was seen without a report";
        int const before = all->ready;
        auto const until = tandem::os::monotonic_ns() + 10'000'000'000;
        while (all->ready == before)
          if (tandem::os::monotonic_ns() > until) return "nobody gets on";
        return true;
      },
  });
  INFO(report.to_string());
  CHECK(report.passed());
  CHECK(all->done > 0);
}
