// SPDX-License-Identifier: BSL-1.0
// Event counts, the light one too, in every order of the steps of who waits and who notifies: no wake-up is lost. Here
// nobody looks again after a slice of time, and stores lie in store buffers.
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "support/interleavings.hpp"

// What is replaced counts as included.
#define TANDEM_MEMORY_IMPL_IN_SIGHT_HPP
#define TANDEM_MEMORY_IMPL_PARTICIPANTS_HPP
#define TANDEM_MEMORY_IMPL_REGION_HPP
#define TANDEM_OS_CLOCK_HPP
#define TANDEM_OS_FUTEX_HPP
#define TANDEM_OS_MEMBARRIER_HPP
#define TANDEM_SYNC_IMPL_OWNER_HPP

#define tandem modelled_events
namespace std {
template <class T> using model_of_atomic = tandem_test::modelled_atomic<T>;
}
#define atomic model_of_atomic

#include "tandem/memory/impl/token.hpp"

namespace modelled_events {

namespace os {

inline constexpr std::int64_t no_deadline = INT64_MAX;
inline constexpr unsigned most_watched_words = 128;
struct watched_word {
  void const* word;
  std::uint32_t expected;
};
inline std::int64_t monotonic_ns() { return 0; }
/// The second word is the bell, which rings for the dead only.
inline int futex_wait_any(watched_word const* words, unsigned, std::int64_t) {
  tandem_test::model::wait(words[0].word, words[0].expected);
  return 0;
}
inline int futex_wake(void const* word, int count = INT_MAX) { return tandem_test::model::wake(word, count); }

inline bool fences = true;
inline bool is_fenced_by_others() { return true; }
inline bool fence_others() {
  tandem_test::model::step();
  if (fences) tandem_test::model::drain_all();
  return true;
}

}  // namespace os

namespace impl {

inline constexpr struct {
  bool load(std::memory_order) const { return false; }
} has_mapped_shared{};
struct family_region {
  static bool exists() { return false; }
};
inline bool is_participant(token) { return false; }
struct participants {
  static token name() { return somebody; }
  static token self() { return somebody; }
  static void const* word_of(token) { return nullptr; }
  static std::uint32_t word(token) { return 0; }
  static bool has_ended(token) { return false; }
  static void pass_on_wake_up(void const*) {}
};

}  // namespace impl
}  // namespace modelled_events

#include "tandem/sync/impl/light_event_count.hpp"
#undef atomic
#undef tandem

#include "support/build_kind.hpp"
#include "support/catch.hpp"

using namespace tandem_test;
using modelled_events::impl::event_count, modelled_events::impl::light_event_count;

namespace {

/// Things to be taken, one by each who waits.
template <class Events> struct scene {
  Events events;
  modelled_atomic<std::uint64_t> things[2]{};

  bool take() {
    for (auto& one : things) {
      std::uint64_t there = 1;
      if (one.load(std::memory_order_acquire) == 1 && one.compare_exchange_strong(there, 0)) return true;
    }
    return false;
  }
  void wait() {
    for (;;) {
      auto const key = events.prepare();
      if (take()) break;
      events.sleep(key, INT64_MAX);
    }
    events.finish();
  }
  void give(int which, bool to_all) {
    if constexpr (std::is_same_v<Events, light_event_count>)
      Events::publish(things[which], 1);
    else
      things[which].store(1, std::memory_order_seq_cst);
    to_all ? events.notify_all() : events.notify_one();
  }
};

template <class Events> exploration_report waits(int takers, int givers, int preemptions, bool to_all = false) {
  return explore({.preemptions = preemptions, .late_stores = takers == 1 ? 2 : 1}, [=] {
    auto all = std::make_shared<scene<Events>>();
    modelled_run result;
    for (int i = 0; i < takers; ++i) result.threads.push_back([=] { all->wait(); });
    for (int i = 0; i < givers; ++i) result.threads.push_back([=] { all->give(i, to_all); });
    return result;
  });
}

}  // namespace

TEMPLATE_TEST_CASE("event_count: no wake-up is lost, in any order of steps", "[sync][event_count][model]", event_count,
                   light_event_count) {
  if (sanitized) return;  // which lose their way where stacks are switched
  int const bound = static_cast<int>(brief() ? 1 : repetitions(2, 4));
  for (bool const to_all : {false, true}) {
    auto const one = waits<TestType>(1, 1, INT_MAX, to_all);
    INFO("one and one: " << one.to_string());
    CHECK(one.passed());
    auto const two = waits<TestType>(2, 2, bound, to_all);
    INFO("two and two: " << two.to_string());
    CHECK(two.passed());
  }
}

TEST_CASE("event_count: without the fence of who sleeps, a light one's wake-up is lost", "[sync][event_count][model]") {
  if (sanitized) return;
  modelled_events::os::fences = false;
  auto const report = waits<light_event_count>(1, 1, INT_MAX);
  modelled_events::os::fences = true;
  CHECK_THAT(report.to_string(), ContainsSubstring("sleeps for ever"));
}
