// SPDX-License-Identifier: BSL-1.0
// What a death leaves of a lock, at every instruction of each of its paths, for those who sleep on it and for
// newcomers; and what each part of the mechanism is there for.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/build_kind.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/kill_at_each_instruction.hpp"
#include "support/random_kill.hpp"
#include "support/seed.hpp"
#include "support/watchdog.hpp"
#include "tandem/memory/shared.hpp"
#include "tandem/os/clock.hpp"
#include "tandem/os/cpu.hpp"
#include "tandem/os/process_table.hpp"
#include "tandem/sync/impl/lock_word.hpp"
#include "tandem/sync/mutex.hpp"

namespace impl = tandem::impl;
using impl::lock_result;
using tandem_test::child_process, tandem_test::verdict;

namespace {

constexpr std::int64_t second = 1'000'000'000;

/// No look at the owner but at its word: whoever is not woken stays asleep.
struct no_slices : impl::lock_policy {
  static constexpr std::int64_t first_slice = 1000 * second, last_slice = 1000 * second;
};
struct no_slices_one_wake_up : no_slices {
  static constexpr int woken_by_unlock = 1;
};

template <class Policy> struct trial {
  impl::basic_lock_word<Policy> lock;
  std::atomic<long> a{0}, b{0};  // equal where nobody died between them
  std::atomic<int> ready{0}, asleep{0}, hung{0}, torn{0};

  void change() {
    a.store(a + 1, std::memory_order_relaxed);
    b.store(b + 1, std::memory_order_relaxed);
  }
  /// Locks as a user does, and looks; in `seconds` at most.
  void visit(std::int64_t seconds = 3) {
    auto const until = tandem::os::monotonic_ns() + seconds * second;
    auto result = lock.lock(until);
    if (tandem::os::monotonic_ns() >= until) ++hung;  // it may have found out by itself then, but nobody woke it
    bool abandoned = false;
    if (result == lock_result::abandoned) result = lock.recover(lock.name(), until, abandoned);
    if (result == lock_result::unrecoverable) return;
    if (result != lock_result::locked) return;
    if (abandoned) b.store(a, std::memory_order_relaxed);
    if (a != b) ++torn;
    if (!lock.unlock()) ++torn;
  }
  std::string complaint() const {
    if (hung != 0) return std::to_string(hung) + " were not woken";
    if (torn != 0) return std::to_string(torn) + " saw half a change";
    return {};
  }
};
}  // namespace

template <> inline constexpr bool tandem::enable_shareable<trial<no_slices>> = true;
template <> inline constexpr bool tandem::enable_shareable<trial<no_slices_one_wake_up>> = true;

namespace {

/// Threads of this process that sleep on the lock when the operation begins.
class sleepers {
 public:
  sleepers(trial<no_slices>& one, int count) : one_(one), ids_(static_cast<std::size_t>(count)) {
    for (auto& id : ids_) {
      threads_.emplace_back([this, &id] {
        impl::participants::self();
        id = tandem::os::thread_id();
        while (one_.ready == 0) std::this_thread::yield();
        one_.visit();
      });
    }
    for (auto& id : ids_)
      while (id == 0) std::this_thread::yield();
  }
  ~sleepers() {
    for (auto& thread : threads_) thread.join();
  }

  /// Called where they wait for a lock that is held: by the victim, in its process.
  void wait_until_asleep(pid_t process) const {
    for (auto& id : ids_)
      while (tandem::os::look_up_task(process, id).state != 'S') std::this_thread::yield();
  }

 private:
  trial<no_slices>& one_;
  std::vector<std::atomic<pid_t>> ids_;
  std::vector<std::thread> threads_;
};

struct path {
  int sleepers = 0;
  bool fresh = false;                                      // the victim has yet to enrol
  std::function<void(trial<no_slices>&)> reset = {};       // here
  std::function<void(trial<no_slices>&)> prepare = {};     // in the victim
  std::function<void(trial<no_slices>&)> operation = {};   // in the victim, by the instruction
  std::function<void(trial<no_slices>&)> asleep = {};      // here, when the victim sleeps
  std::function<void(trial<no_slices>&)> afterwards = {};  // here, when it is dead
  long stride = 1;
};

void survives(path const& one) {
  if (one.asleep && !tandem_test::sleeps_until_woken()) return;
  if (tandem_test::sanitized) return;  // their own instructions would be stepped through, a hundred for one of ours
  tandem_test::watchdog::allow(std::chrono::seconds(tandem_test::soaking() ? 3600 : 180));
  tandem::shared<trial<no_slices>> all;
  std::optional<sleepers> team;
  pid_t const here = ::getpid();
  auto const report = tandem_test::kill_at_each_instruction({
      .reset =
          [&] {
            std::destroy_at(&*all);
            std::construct_at(&*all);
            if (one.reset) one.reset(*all);
            team.emplace(*all, one.sleepers);
          },
      .prepare =
          [&] {
            if (!one.fresh) impl::participants::self();
            if (one.prepare) one.prepare(*all);
            all->ready = 1;
            team->wait_until_asleep(here);
          },
      .operation = [&] { one.operation(*all); },
      .check = [&]() -> verdict {
        all->ready = 1;  // killed before it came to that
        if (one.afterwards) one.afterwards(*all);
        team.reset();   // the sleepers first, and alone: a newcomer would rescue them
        all->visit(1);  // a newcomer
        auto words = all->complaint();
        if (words.empty()) return true;
        return words;
      },
      .asleep = one.asleep ? std::function<void()>{[&] { one.asleep(*all); }} : std::function<void()>{},
      .stride = tandem_test::soaking() ? 1 : one.stride,
  });
  INFO(report.to_string());
  CHECK(report.passed());
}

}  // namespace

TEST_CASE("mutex: killed at every instruction from enrolling to unlocking, nobody hangs or sees half a change",
          "[sync][mutex][kill]") {
  survives({.fresh = true, .operation = [](auto& one) {
              one.lock.lock();
              one.change();
              one.lock.unlock();
            }});
}

TEST_CASE("mutex: killed at every instruction of unlocking, the sleepers are woken", "[sync][mutex][kill]") {
  auto const count = GENERATE(1, 3);
  survives({.sleepers = count,
            .prepare = [](auto& one) { one.lock.lock(); },
            .operation =
                [](auto& one) {
                  one.change();
                  one.lock.unlock();
                }});
}

TEST_CASE("mutex: killed at every instruction of waiting for a lock that becomes free, the others are woken",
          "[sync][mutex][kill]") {
  bool held = false;
  auto const release = [&held](auto& one) {
    if (std::exchange(held, false)) one.lock.unlock();
  };
  survives({.sleepers = 1,
            .reset =
                [&held](auto& one) {
                  one.lock.lock();
                  held = true;
                },
            .operation =
                [](auto& one) {
                  if (one.lock.lock() != lock_result::locked) return;
                  one.change();
                  one.lock.unlock();
                },
            .asleep = release,
            .afterwards = release,
            .stride = 2});
}

TEST_CASE("mutex: killed at every instruction of waiting for a lock whose owner is killed, the others are woken",
          "[sync][mutex][kill]") {
  child_process holder;
  auto const kill_holder = [&holder](auto&) {
    if (holder.joinable()) holder.kill();
  };
  survives({.sleepers = 1,
            .reset =
                [&holder](auto& one) {
                  holder = child_process([&one] {
                    one.lock.lock();
                    one.a = one.a + 1;  // half a change
                    for (;;) ::pause();
                  });
                  while (one.a == 0) std::this_thread::yield();
                },
            .operation =
                [](auto& one) {
                  bool abandoned = false;
                  if (one.lock.recover(one.lock.name(), tandem::os::no_deadline, abandoned) != lock_result::locked)
                    return;
                  if (abandoned) one.b.store(one.a, std::memory_order_relaxed);
                  one.change();
                  one.lock.unlock();
                },
            .asleep = kill_holder,
            .afterwards = kill_holder,
            .stride = 4});
}

TEST_CASE(
    "mutex: killed at every instruction of waiting, the first to be woken by its owner's death, the next are woken",
    "[sync][mutex][kill]") {
  child_process holder;
  std::optional<sleepers> behind;
  auto const kill_holder = [&](auto& one) {
    if (!behind) {  // the victim sleeps: these come behind it in the kernel's queue
      behind.emplace(one, 2);
      one.ready = 1;
      behind->wait_until_asleep(::getpid());
    }
    if (holder.joinable()) holder.kill();
  };
  survives({.reset =
                [&holder](auto& one) {
                  holder = child_process([&one] {
                    one.lock.lock();
                    one.a = one.a + 1;  // half a change
                    for (;;) ::pause();
                  });
                  while (one.a == 0) std::this_thread::yield();
                },
            .prepare = [](auto& one) { one.ready = 0; },
            .operation = [](auto& one) { one.lock.lock(); },
            .asleep = kill_holder,
            .afterwards =
                [&](auto& one) {
                  kill_holder(one);
                  behind.reset();
                },
            .stride = 2});
}

TEST_CASE("mutex: the death of an owner of two locks wakes the sleepers of both", "[sync][mutex][death]") {
  if (!tandem_test::sleeps_until_woken()) return;
  tandem::shared<trial<no_slices>> one, two;
  child_process holder([&] {
    one->lock.lock();
    two->lock.lock();
    one->ready = 1;
    two->ready = 1;
    for (;;) ::pause();
  });
  while (two->ready == 0) std::this_thread::yield();
  {
    sleepers const of_one(*one, 2), of_two(*two, 2);
    of_one.wait_until_asleep(::getpid());
    of_two.wait_until_asleep(::getpid());
    holder.kill();
  }
  CHECK(one->complaint().empty());
  CHECK(two->complaint().empty());
}

TEST_CASE("mutex: killed at every instruction of recovering it, it can be recovered", "[sync][mutex][kill]") {
  survives({.reset =
                [](auto& one) {
                  child_process([&one] {
                    one.lock.lock();
                    one.a = one.a + 1;
                    ::raise(SIGKILL);
                  }).join();
                },
            .operation =
                [](auto& one) {
                  bool abandoned = false;
                  one.lock.recover(one.lock.name(), tandem::os::no_deadline, abandoned);
                  if (abandoned) one.b.store(one.a, std::memory_order_relaxed);
                  one.change();
                  one.lock.unlock();
                }});
}

TEST_CASE("mutex: killed at every instruction of giving it up for good, the sleepers are woken",
          "[sync][mutex][kill]") {
  survives({.sleepers = 2,
            .prepare = [](auto& one) { one.lock.lock(); },
            .operation = [](auto& one) { one.lock.give_up_for_good(one.lock.name()); }});
}

namespace {

/// `count` processes sleep on a lock, and nobody else comes. Each that gets it unlocks it, or dies with it. How many
/// rounds did not come to an end?
template <class Policy> long hung_rounds(long rounds, int count) {
  std::mt19937_64 random(tandem_test::test_seed());
  tandem::shared<trial<Policy>> all;
  long hung = 0;
  for (long round = 0; round < rounds; ++round) {
    std::destroy_at(&*all);
    std::construct_at(&*all);
    all->lock.lock();
    std::vector<child_process> team;
    for (int i = 0; i < count; ++i) {
      bool const dies = random() % 4 != 0;
      team.emplace_back([&all, dies, i] {
        impl::participants::self();
        ++all->ready;
        bool abandoned = false;
        all->lock.recover(all->lock.name(), tandem::os::no_deadline, abandoned);
        ++all->asleep;
        auto const until = tandem::os::monotonic_ns() + (i % 2) * 300'000;  // long enough for others to sleep again
        while (tandem::os::monotonic_ns() < until) std::this_thread::yield();
        if (dies) ::raise(SIGKILL);
        all->lock.unlock();
      });
    }
    while (all->ready < count) std::this_thread::yield();
    for (auto& one : team)
      while (tandem::os::look_up_task(one.id(), one.id()).state != 'S') std::this_thread::yield();
    all->lock.unlock();
    auto const until = tandem::os::monotonic_ns() + second;
    while (all->asleep < count && tandem::os::monotonic_ns() < until) std::this_thread::yield();
    if (all->asleep == count) {
      for (auto& one : team) one.join();
    } else {
      ++hung;  // the rest is killed with `team`
    }
  }
  return hung;
}

}  // namespace

TEST_CASE("mutex: sleepers without newcomers, whose owners die one after the other, are all woken",
          "[sync][mutex][kill]") {
  INFO("TANDEM_TEST_SEED=" << tandem_test::test_seed());
  if (tandem_test::soaking()) tandem_test::watchdog::allow(std::chrono::hours(1));
  CHECK(hung_rounds<no_slices>(tandem_test::repetitions(tandem_test::sanitized ? 10 : 60, 2000), 5) == 0);
}

TEST_CASE("mutex: with one wake-up for an unlock instead of two they are not: the tests can tell",
          "[sync][mutex][kill][control]") {
  if (tandem_test::sanitized) return;
  if (!tandem_test::sleeps_until_woken()) return;
  INFO("TANDEM_TEST_SEED=" << tandem_test::test_seed());
  long hung = 0;
  for (int tries = 0; tries < 20 && hung == 0; ++tries) hung = hung_rounds<no_slices_one_wake_up>(1, 5);
  CHECK(hung > 0);
}

TEST_CASE("mutex: killed at random, holders and waiters, nobody hangs and nothing is torn without a report",
          "[sync][mutex][kill]") {
  struct account {
    tandem::mutex lock;
    std::atomic<long> a{0}, b{0}, reports{0}, torn{0}, rounds{0};
  };
  tandem_test::watchdog::allow(tandem_test::soaking() ? std::chrono::seconds(14'400) : std::chrono::seconds(300));
  tandem::shared<account> all;
  auto const report = tandem_test::random_kill({
      .workers = 4,
      .kills = tandem_test::repetitions(tandem_test::sanitized ? 200 : 800, 100'000),
      .work =
          [&](int, std::uint64_t) {
            for (;;) {
              bool abandoned = false;
              try {
                all->lock.lock();
              } catch (tandem::owner_died const&) {
                auto hold = all->lock.recover();
                abandoned = hold.abandoned();
                if (abandoned) {
                  ++all->reports;
                  all->b.store(all->a, std::memory_order_relaxed);
                }
                hold.unlock();
                continue;
              }
              if (all->a != all->b) ++all->torn;
              all->a.store(all->a + 1, std::memory_order_relaxed);
              for (int i = 0; i < 40; ++i) tandem::os::relax();
              all->b.store(all->b + 1, std::memory_order_relaxed);
              ++all->rounds;
              all->lock.unlock();
            }
          },
      .check = [&](int) -> verdict {
        if (all->torn != 0) return "half a change was seen without a report";
        long const before = all->rounds;
        auto const until = tandem::os::monotonic_ns() + 10 * second;
        while (all->rounds == before)
          if (tandem::os::monotonic_ns() > until) return "nobody gets on";
        return true;
      },
  });
  INFO(report.to_string());
  CHECK(report.passed());
  CHECK(all->reports > 0);
}
