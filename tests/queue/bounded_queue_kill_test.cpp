// SPDX-License-Identifier: BSL-1.0
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <type_traits>

#include "queue/elements.hpp"
#include "support/build_kind.hpp"
#include "support/catch.hpp"
#include "support/kill_at_each_instruction.hpp"
#include "support/place.hpp"
#include "support/probes.hpp"
#include "support/random_kill.hpp"
#include "support/watchdog.hpp"
#include "tandem/core.hpp"
#include "tandem/memory/impl/participants.hpp"
#include "tandem/memory/shared.hpp"
#include "tandem/os/clock.hpp"
#include "tandem/queue/bounded_queue.hpp"

using namespace std::chrono_literals;
using tandem::bounded_queue;
using tandem_test::make, tandem_test::number_of, tandem_test::place, tandem_test::verdict;

namespace {

constexpr int capacity = 3;

/// A ring as it is usually written (Vyukov 2010): its slots do not say who claimed them.
template <class T> class ring_of_no_names {
 public:
  explicit ring_of_no_names(int) {
    for (unsigned i = 0; i < capacity; ++i) slots_[i].turn = i;
  }
  bool try_push(T value) {
    unsigned long at = tail_;
    slot& here = slots_[at % capacity];
    if (here.turn != at || !tail_.compare_exchange_strong(at, at + 1)) return false;
    here.value = value;
    here.turn = at + 1;
    return true;
  }
  std::optional<T> try_pop() {
    unsigned long at = head_;
    slot& here = slots_[at % capacity];
    if (here.turn != at + 1 || !head_.compare_exchange_strong(at, at + 1)) return std::nullopt;
    T const value = here.value;
    here.turn = at + capacity;
    return value;
  }

 private:
  struct slot {
    std::atomic<unsigned long> turn;
    T value;
  };
  std::atomic<unsigned long> head_{0}, tail_{0};
  slot slots_[capacity];
};

}  // namespace

template <class T> inline constexpr bool tandem::enable_shareable<ring_of_no_names<T>> = true;

namespace {

struct scene {
  int before = 0;  // how many elements have passed when the victim comes
  int inside = 0;  // how many there are then
  bool pushes = false;
};

/// The calling thread is a participant, and its heap has small blocks at hand: their making is tested elsewhere.
template <class T> void come_prepared() { static_cast<void>(bounded_queue<T>(1).try_push(make<T>(0))); }

/// Kills a child in one operation; then all that was there has to come out in its order, but for one that the dead one
/// took, or put in; and the queue is as good as new.
template <class Queue, class T> tandem_test::kill_report kill_in(scene const& what) {
  constexpr int of_victim = 77;
  auto queue_of_all = std::make_unique<tandem::shared<Queue>>(capacity);
  auto const all = [&]() -> Queue& { return **queue_of_all; };
  auto& done = place<std::atomic<bool>>(false);
  return tandem_test::kill_at_each_instruction({
      .reset =
          [&] {
            done = false;
            queue_of_all = std::make_unique<tandem::shared<Queue>>(capacity);
            for (int i = 0; i < what.before; ++i) {
              all().try_push(make<T>(50));
              all().try_pop();
            }
            for (int i = 0; i < what.inside; ++i) all().try_push(make<T>(i));
          },
      .prepare = &come_prepared<T>,
      .operation =
          [&] {
            if (what.pushes)
              all().try_push(make<T>(of_victim));
            else
              all().try_pop();
            done = true;
          },
      .check = [&]() -> verdict {
        int next = 0, of_dead = 0;
        bool skipped = false;
        for (int looks = 0; looks < capacity + 1; ++looks) {
          auto const one = all().try_pop();
          if (!one) continue;
          int const number = number_of(*one);
          if (number == of_victim) {
            ++of_dead;
            continue;
          }
          if (number == next + 1 && next == 0 && !what.pushes) {
            skipped = true;
            next = 1;
          }
          if (number != next) return "out of order, torn, or lost";
          ++next;
        }
        if (next != what.inside && !(next == 0 && what.inside == 1 && !what.pushes)) return "something is lost";
        if (of_dead > 1 || (of_dead == 0 && done && what.pushes && what.inside < capacity)) return "pushed, but gone";
        if (done && !what.pushes && what.inside > 1 && !skipped) return "taken, but still there";
        for (int round = 0; round < 3; ++round) {
          for (int i = 0; i < capacity; ++i)
            if (!all().try_push(make<T>(i))) return "there is less room than there was";
          if (all().try_push(make<T>(9))) return "there is more room than there was";
          for (int i = 0; i < capacity; ++i) {
            auto const one = all().try_pop();
            if (!one || number_of(*one) != i) return "it does not work as before";
          }
        }
        return true;
      },
      .stride = std::is_same_v<T, std::string> ? 31 : 3,
  });
}

constexpr scene scenes[] = {{0, 0, true},  {2, 1, true},  {0, 3, true},  {7, 2, true},
                            {0, 2, false}, {2, 3, false}, {5, 1, false}, {4, 0, false}};

}  // namespace

TEMPLATE_TEST_CASE("bounded_queue: killed at every instruction of a push or a pop, nobody is harmed",
                   "[queue][bounded_queue][kill]", long, tandem_test::wide, tandem_test::large, std::string) {
  if (tandem_test::sanitized) return;
  tandem_test::watchdog::allow(std::chrono::seconds(tandem_test::soaking() ? 3600 : 240));
  tandem::commons();
  for (auto const& what : scenes) {
    CAPTURE(what.before, what.inside, what.pushes);
    auto const report = kill_in<bounded_queue<TestType>, TestType>(what);
    INFO(report.to_string());
    CHECK(report.passed());
  }
}

TEST_CASE("bounded_queue: a ring that does not name its claims does not pass these tests",
          "[queue][bounded_queue][kill]") {
  if (tandem_test::sanitized || tandem_test::brief()) return;  // few points then, which may miss it
  tandem_test::no_wider_stride const here;
  auto const push = kill_in<ring_of_no_names<long>, long>({0, 0, true});
  auto const pop = kill_in<ring_of_no_names<long>, long>({0, 2, false});
  if (!push.skipped.empty()) return;
  CHECK(push.failures > 0);
  CHECK(pop.failures > 0);
}

TEMPLATE_TEST_CASE("bounded_queue: killed while it wakes a sleeper, the element comes, or the next one does",
                   "[queue][bounded_queue][kill]", long, std::string) {
  if (tandem_test::sanitized) return;
  tandem_test::watchdog::allow(std::chrono::seconds(tandem_test::soaking() ? 3600 : 240));
  tandem::commons();
  std::unique_ptr<tandem::shared<bounded_queue<TestType>>> queue;
  std::thread sleeper;
  std::atomic<pid_t> id{0};
  std::atomic<int> got{-1};
  auto const report = tandem_test::kill_at_each_instruction({
      .reset =
          [&] {
            queue = std::make_unique<tandem::shared<bounded_queue<TestType>>>(capacity);
            id = 0;
            sleeper = std::thread([&] {
              id = tandem::os::thread_id();
              auto const one = (*queue)->pop_for(10s);
              got = one ? number_of(*one) : -1;
            });
            while (id == 0 || tandem::os::look_up_task(::getpid(), id).state != 'S') std::this_thread::yield();
          },
      .prepare = &come_prepared<TestType>,
      .operation = [&] { (*queue)->push(make<TestType>(1)); },
      .check = [&]() -> verdict {
        (*queue)->push(make<TestType>(2));  // of what the dead one had not published, nobody knows
        sleeper.join();
        if (got != 1 && got != 2) return "the sleeper was not woken";
        auto const rest = (*queue)->try_pop();
        return (got == 1) == rest.has_value() ? verdict(true) : verdict("one is lost");
      },
      .stride = std::is_same_v<TestType, std::string> ? 23 : 7,
  });
  INFO(report.to_string());
  CHECK(report.passed());
}

TEMPLATE_TEST_CASE("bounded_queue: killed at random, nobody hangs; none is torn, twice, or out of order",
                   "[queue][bounded_queue][kill]", long, tandem_test::page, std::string) {
  if (tandem_test::soaking()) tandem_test::watchdog::allow(std::chrono::hours(4));
  tandem::commons();
  tandem::shared<bounded_queue<TestType>> queue(64);
  // A consumer that has no CPU for a while misses all that the other one takes meanwhile: far less than half a span.
  constexpr int workers = 4, lives = 256, span = 8'000'000;
  struct board {
    std::atomic<int> next_life{0};
    std::atomic<long> taken{0}, wrong{0};
    std::atomic<int> wrong_number{0}, number_before{0};
    std::atomic<long> made{0};
    std::atomic<long> killed[2]{};  // producers, consumers
  };
  auto& all = place<board>();
  auto const report = tandem_test::random_kill({
      .workers = workers,
      .kills = tandem_test::repetitions(tandem_test::sanitized ? 100 : 200, 10'000),
      .work =
          [&](int worker, std::uint64_t) {
            if (worker % 2 == 0) {
              int const life = all.next_life++ % lives;
              for (int i = 0;; i = (i + 1) % span) {
                if (!queue->push(make<TestType>(life * span + i))) ++all.wrong;
                ++all.made;
              }
            }
            std::map<int, int> last;
            while (auto const one = queue->pop()) {
              int const number = number_of(*one);
              auto const [before, is_new] = last.try_emplace(number / span, number % span);
              int const further = (number % span - before->second + span) % span;
              if ((number < 0 || (!is_new && (further == 0 || further > span / 2))) && all.wrong++ == 0) {
                all.wrong_number = number;
                all.number_before = number / span * span + before->second;
              }
              before->second = number % span;
              ++all.taken;
            }
          },
      .check = [&](int worker) -> verdict {
        ++all.killed[worker % 2];
        if (all.wrong != 0) return "torn, twice, out of order, or closed";
        long const before = all.taken;
        auto const until = tandem::os::monotonic_ns() + 10'000'000'000;
        while (all.taken == before)
          if (tandem::os::monotonic_ns() > until) return "nobody gets on";
        return true;
      },
  });
  INFO(report.to_string() << "; the first one wrong: " << all.wrong_number << " behind " << all.number_before);
  CHECK(report.passed());
  while (auto const one = queue->try_pop()) {
    CHECK(number_of(*one) >= 0);
    ++all.taken;
  }
  // A consumer may be killed with an element in its hands, a producer before it has counted what it put in.
  long const missing = all.made - all.taken;
  CHECK(missing <= all.killed[1] + workers);
  CHECK(missing >= -all.killed[0] - workers);
  for (std::size_t i = 0; i < queue->capacity(); ++i) CHECK(queue->try_push(make<TestType>(1)));
  CHECK_FALSE(queue->try_push(make<TestType>(1)));
}
