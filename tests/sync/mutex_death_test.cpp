// SPDX-License-Identifier: BSL-1.0
// What becomes of a mutex whose owner has ended.
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <functional>
#include <mutex>
#include <new>
#include <stdexcept>
#include <thread>
#include <vector>

#include "sync/deaths.hpp"
#include "sync/mutex_probes.hpp"
#include "tandem/memory/shared.hpp"

using namespace tandem_test;
using namespace std::chrono_literals;

using all_of_tandem = joined_lists<of_tandem<tandem::mutex>, of_tandem<tandem::timed_mutex>,
                                   of_tandem<tandem::recursive_mutex>, of_tandem<tandem::recursive_timed_mutex>>;

namespace {

/// Each attempt says owner_died, here and in a peer, and locks nothing.
template <class Case> void check_abandoned(typename Case::mutex& mutex) {
  auto const attempts = [&mutex] {
    for (int i = 0; i < 2; ++i) {
      auto const fails = [](auto action) { require(code_of(action) == EOWNERDEAD, "its owner has died"); };
      fails([&] { mutex.lock(); });
      fails([&] { mutex.try_lock(); });
      fails([&] { std::lock_guard const hold(mutex); });
      if constexpr (timed<typename Case::mutex>) {
        fails([&] { mutex.try_lock_for(0s); });
        fails([&] { mutex.try_lock_until(tandem::deadline::never()); });
      }
    }
  };
  attempts();
  Case::peers::spawn_and_join(1, attempts);
  CHECK_THROWS_AS(mutex.lock(), tandem::owner_died);
}

/// Whoever is first repairs it, and has it for itself; then it is as new.
template <class Case> void check_recovery(typename Case::mutex& mutex) {
  {
    auto const hold = mutex.recover();
    CHECK(hold.abandoned());
    CHECK_FALSE(is_free_for_others<typename Case::peers>(mutex));
  }
  CHECK(is_free_for_others<typename Case::peers>(mutex));
  CHECK_FALSE(mutex.recover().abandoned());
  std::lock_guard const hold(mutex);
}

}  // namespace

TEMPLATE_LIST_TEST_CASE("mutex: in whatever way its owner ends, it is abandoned until somebody recovers it",
                        "[sync][mutex][death]", all_of_tandem) {
  for (way const how : ways_of<typename TestType::peers>()) {
    INFO("way " << static_cast<int>(how));
    typename TestType::template home<typename TestType::mutex> home;
    auto& mutex = *home;
    end_after<typename TestType::peers>(how, [&] { mutex.lock(); });
    check_abandoned<TestType>(mutex);
    check_recovery<TestType>(mutex);
  }
}

TEMPLATE_LIST_TEST_CASE("mutex: each attempt by itself finds the dead owner", "[sync][mutex][death]", all_of_tandem) {
  typename TestType::template home<typename TestType::mutex> home;
  auto& mutex = *home;
  auto const abandon = [&] {
    end_after<typename TestType::peers>(way::returns, [&] {
      if (mutex.recover().abandoned()) throw std::runtime_error("it was left in order");
      mutex.lock();
    });
  };
  abandon();
  CHECK_THROWS_AS(mutex.try_lock(), tandem::owner_died);
  CHECK(mutex.recover().abandoned());
  abandon();
  CHECK(mutex.recover().abandoned());
  if constexpr (timed<typename TestType::mutex>) {
    abandon();
    CHECK_THROWS_AS(mutex.try_lock_until(std::chrono::steady_clock::time_point()), tandem::owner_died);
    CHECK(mutex.recover().abandoned());
    abandon();
    CHECK_THROWS_AS(mutex.try_lock_for(1h), tandem::owner_died);
    CHECK(mutex.recover().abandoned());
  }
  abandon();
  mutex.mark_unrecoverable();
  CHECK(error_of([&] { mutex.lock(); }) == ENOTRECOVERABLE);
}

TEMPLATE_LIST_TEST_CASE("mutex: who recovers and dies abandons it again", "[sync][mutex][death]", all_of_tandem) {
  typename TestType::template home<typename TestType::mutex> home;
  auto& mutex = *home;
  end_after<typename TestType::peers>(way::returns, [&] { mutex.lock(); });
  for (int i = 0; i < 3; ++i) {
    end_after<typename TestType::peers>(way::returns, [&] {
      alignas(void*) std::byte never_destroyed[sizeof(mutex.recover())];
      ::new (never_destroyed) auto(mutex.recover());
    });
    check_abandoned<TestType>(mutex);
  }
  check_recovery<TestType>(mutex);
}

TEMPLATE_LIST_TEST_CASE("mutex: all who sleep learn that its owner was killed", "[sync][mutex][death]", all_of_tandem) {
  if constexpr (std::is_same_v<typename TestType::peers, processes>) {
    typename TestType::template home<typename TestType::mutex> home;
    auto& mutex = *home;
    auto owner = tandem_test::stay_after([&] { mutex.lock(); });
    std::vector<child_process> sleepers;
    for (int i = 0; i < 3; ++i) {
      sleepers.emplace_back([&mutex, first = i == 0] {
        auto const lock = [&mutex, first] {
          static_cast<void>(first);
          if constexpr (timed<typename TestType::mutex>) {
            if (first) return static_cast<void>(mutex.try_lock_for(1h));
          }
          mutex.lock();
        };
        CHECK(error_of(lock) == EOWNERDEAD);
      });
    }
    for (auto const& sleeper : sleepers) wait_until_in_state('S', sleeper.id(), sleeper.id());
    owner.kill();
    for (auto& sleeper : sleepers) CHECK(sleeper.join().passed());
    check_recovery<TestType>(mutex);
  }
}

TEMPLATE_LIST_TEST_CASE("mutex: one of those who sleep in recover takes it over", "[sync][mutex][death]",
                        all_of_tandem) {
  if constexpr (std::is_same_v<typename TestType::peers, processes>) {
    typename TestType::template home<typename TestType::mutex> home;
    auto& mutex = *home;
    auto& recovered = place<std::atomic<int>>(0);
    auto owner = tandem_test::stay_after([&] { mutex.lock(); });
    std::vector<child_process> sleepers;
    for (int i = 0; i < 3; ++i) sleepers.emplace_back([&] { recovered += mutex.recover().abandoned() ? 1 : 0; });
    for (auto const& sleeper : sleepers) wait_until_in_state('S', sleeper.id(), sleeper.id());
    owner.kill();
    for (auto& sleeper : sleepers) CHECK(sleeper.join().passed());
    CHECK(recovered == 1);
    CHECK(mutex.try_lock());
    mutex.unlock();
  }
}

TEMPLATE_LIST_TEST_CASE("mutex: an owner that is stopped is not dead", "[sync][mutex][death]", all_of_tandem) {
  if constexpr (std::is_same_v<typename TestType::peers, processes>) {
    typename TestType::template home<typename TestType::mutex> home;
    auto& mutex = *home;
    child_process owner([&] {
      mutex.lock();
      ::raise(SIGSTOP);
      mutex.unlock();
    });
    wait_until_in_state('T', owner.id(), owner.id());
    CHECK_FALSE(mutex.try_lock());
    if constexpr (timed<typename TestType::mutex>) CHECK_FALSE(mutex.try_lock_for(150ms));  // longer than any slice
    ::kill(owner.id(), SIGCONT);
    CHECK(owner.join().passed());
    CHECK(mutex.try_lock());
    mutex.unlock();
  }
}

namespace {

/// Runs `body` in a child that is the first process of a PID namespace of its own, whose /proc is that of this one.
void in_pid_namespace(std::function<void()> const& body) {
  CHECK(run_in_child([&] {
          if (::unshare(CLONE_NEWPID) != 0) {
            WARN("SKIP(PID namespaces): unshare(CLONE_NEWPID): " << std::strerror(errno));
            return;
          }
          CHECK(run_in_child(body).passed());
        }).passed());
}

}  // namespace

TEST_CASE("mutex: a program of another PID namespace is refused in words, where its death could not be seen",
          "[sync][mutex][errors]") {
  tandem::shared<int> const family(0);
  auto& mutex = place<tandem::timed_mutex>();
  mutex.lock();
  mutex.unlock();
  in_pid_namespace([&] {
    CHECK(error_of([&] { mutex.lock(); }) == EOPNOTSUPP);
    CHECK(error_of([&] { mutex.try_lock(); }) == EOPNOTSUPP);
  });
  CHECK(mutex.try_lock());
  mutex.unlock();
}

TEST_CASE(
    "mutex: in a PID namespace without a /proc of its own, the living are not taken for dead, nor the dead for living",
    "[sync][mutex][death]") {
  tandem::shared<int> const family(0);
  auto& mutex = place<tandem::timed_mutex>();
  in_pid_namespace([&] {
    auto owner = tandem_test::stay_after([&] { mutex.lock(); });
    CHECK_FALSE(mutex.try_lock_for(50ms));
    owner.kill();
    CHECK(error_of([&] { mutex.try_lock_for(1h); }) == EOWNERDEAD);
  });
}
