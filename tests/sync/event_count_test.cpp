// SPDX-License-Identifier: BSL-1.0
#include "tandem/sync/impl/event_count.hpp"

#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/kill_at_each_instruction.hpp"
#include "sync/deaths.hpp"
#include "tandem/os/process_table.hpp"

namespace impl = tandem::impl;
using tandem_test::verdict;

namespace {

/// Whoever is not woken stays asleep.
struct no_slices : impl::event_policy {
  static constexpr std::int64_t slice = 1'000'000'000'000;
};

struct room {
  impl::basic_event_count<no_slices> events;
  std::atomic<std::uint32_t> happened{0};
  std::atomic<int> passed{0}, late{0};
  std::atomic<pid_t> sleepers[2]{};

  void wait(int number) {
    auto const until = tandem::os::monotonic_ns() + 3'000'000'000;
    sleepers[number] = tandem::os::thread_id();
    for (;;) {
      auto const key = events.prepare();
      if (happened != 0) break;
      if (!events.sleep(key, until)) {
        ++late;
        break;
      }
    }
    events.finish();
    ++passed;
  }
  std::uint32_t sequence() const {
    std::uint32_t now = 0;
    std::memcpy(&now, &events, sizeof now);
    return now;
  }
};

}  // namespace

template <> inline constexpr bool tandem::enable_shareable<room> = true;

TEST_CASE("event_count: a notification after prepare ends the sleep at once, one before does not",
          "[sync][event_count]") {
  impl::basic_event_count<no_slices> events;
  auto const key = events.prepare();
  events.notify_all();
  CHECK(events.sleep(key, tandem::os::no_deadline));
  auto const next = events.prepare();
  CHECK_FALSE(events.sleep(next, tandem::os::monotonic_ns() + 1'000'000));
  events.notify_one();  // nobody sleeps
  CHECK(events.sleep(next, tandem::os::no_deadline));
  events.finish();
}

TEST_CASE("event_count: a notifier killed behind its change of the sequence has woken all, without any slice",
          "[sync][event_count][kill]") {
  if (tandem_test::sanitized) return;
  if (::syscall(449, nullptr, 0, 0, nullptr, 0) < 0 && errno != EINVAL) {  // futex_waitv
    WARN("SKIP(futex_waitv): without it each sleep is a slice of a millisecond");
    return;
  }
  tandem_test::watchdog::allow(std::chrono::seconds(180));
  tandem::shared<room> all;
  std::vector<std::thread> team;
  std::uint32_t before = 0;
  pid_t const here = ::getpid();
  auto const report = tandem_test::kill_at_each_instruction({
      .reset =
          [&] {
            std::destroy_at(all.get());
            std::construct_at(all.get());
            for (int i = 0; i < 2; ++i) team.emplace_back([&all, i] { all->wait(i); });
            for (auto& sleeper : all->sleepers)
              while (sleeper == 0 || tandem::os::look_up_task(here, sleeper).state != 'S') std::this_thread::yield();
            before = all->sequence();
          },
      .prepare =
          [&] {
            impl::participants::self();
            all->happened = 1;
          },
      .operation = [&] { all->events.notify_all(); },
      .check = [&]() -> verdict {
        // Before its change of the sequence nothing can tell that it was about to notify: that is what slices are for.
        if (all->sequence() == before) all->events.notify_all();
        for (auto& one : team) one.join();
        team.clear();
        return all->late == 0 ? verdict(true) : verdict("a sleeper was not woken");
      },
  });
  INFO(report.to_string());
  CHECK(report.passed());
}
