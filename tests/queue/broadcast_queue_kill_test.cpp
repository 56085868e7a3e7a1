// SPDX-License-Identifier: BSL-1.0
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <thread>

#include "queue/elements.hpp"
#include "support/build_kind.hpp"
#include "support/catch.hpp"
#include "support/kill_at_each_instruction.hpp"
#include "support/place.hpp"
#include "support/random_kill.hpp"
#include "support/watchdog.hpp"
#include "tandem/core.hpp"
#include "tandem/memory/impl/members.hpp"
#include "tandem/memory/impl/participants.hpp"
#include "tandem/memory/shared.hpp"
#include "tandem/os/clock.hpp"
#include "tandem/queue/broadcast_queue.hpp"

using namespace std::chrono_literals;
using tandem::broadcast_queue, tandem::lag, tandem::shared;
using tandem_test::make, tandem_test::number_of, tandem_test::place, tandem_test::verdict;

namespace {

constexpr int capacity = 3;

/// A broadcast as it is usually written (the Disruptor of Thompson et al. 2011): neither a claim nor a consumer says
/// whose it is.
template <class T> class ring_of_no_names {
  struct consumer_of_no_name {
    ring_of_no_names* ring;
    std::atomic<long>* next;
    ~consumer_of_no_name() { *next = -1; }
    std::optional<T> try_pop() {
      long const at = *next;
      auto& here = ring->places_[at % capacity];
      if (here.turn < at + 1) return std::nullopt;
      T const value = here.value;
      *next = at + 1;
      return value;
    }
    template <class Time> std::optional<T> pop_for(Time) { return try_pop(); }
  };
  struct place_of_no_name {
    std::atomic<long> turn{0};
    T value;
  };
  place_of_no_name places_[capacity];
  std::atomic<long> tail_{0};
  std::atomic<long> consumers_[4]{-1, -1, -1, -1};

 public:
  ring_of_no_names(int, lag) {}
  bool try_push(T value) {
    long at = tail_;
    for (auto const& one : consumers_)
      if (one != -1 && one + capacity <= at) return false;
    if (!tail_.compare_exchange_strong(at, at + 1)) return false;
    places_[at % capacity].value = value;
    places_[at % capacity].turn = at + 1;
    return true;
  }
  template <class Time> bool push_for(T value, Time) { return try_push(value); }
  consumer_of_no_name consumer() {
    for (auto& one : consumers_) {
      long nobody = -1;
      if (one.compare_exchange_strong(nobody, tail_)) return {this, &one};
    }
    throw std::bad_alloc();
  }
};

}  // namespace

template <class T> inline constexpr bool tandem::enable_shareable<ring_of_no_names<T>> = true;

namespace {

enum class operation { push, pop, subscribe, leave };

struct scene {
  operation what;
  int before = 0;  // how many elements have passed when the victim comes
  int inside = 0;  // how many the observer has not seen then
  lag when_behind = lag::wait;
};

/// Kills a child in one operation; then the observer sees all that was there, and the dead one's at most once; and the
/// queue is as good as new.
template <class Queue, class T> tandem_test::kill_report kill_in(scene const& scene) {
  constexpr int of_victim = 77;
  using consumer = decltype(std::declval<Queue&>().consumer());
  std::unique_ptr<shared<Queue>> queue;
  std::optional<consumer> observer, victims;
  auto& done = place<std::atomic<bool>>(false);
  auto const reset = [&] {
    observer.reset();
    queue = std::make_unique<shared<Queue>>(capacity, scene.when_behind);
  };
  return tandem_test::kill_at_each_instruction({
      .reset =
          [&] {
            reset();
            done = false;
            observer.emplace((*queue)->consumer());
            for (int i = 0; i < scene.before; ++i) {
              (*queue)->try_push(make<T>(50));
              observer->try_pop();
            }
            for (int i = 0; i < scene.inside; ++i) (*queue)->try_push(make<T>(i));
          },
      .prepare =
          [&] {  // its heap has small blocks at hand: their making is tested elsewhere
            auto mine = (*queue)->consumer();
            if (scene.what == operation::subscribe || scene.what == operation::push) return;
            victims.emplace((*queue)->consumer());
            if (scene.what == operation::pop) (*queue)->try_push(make<T>(scene.inside));
          },
      .operation =
          [&] {
            switch (scene.what) {
              case operation::push:
                (*queue)->try_push(make<T>(of_victim));
                break;
              case operation::pop:
                victims->try_pop();
                break;
              case operation::subscribe:
                victims.emplace((*queue)->consumer());
                break;
              case operation::leave:
                victims.reset();
                break;
            }
            done = true;
          },
      .check = [&]() -> verdict {
        int const inside = scene.inside + (scene.what == operation::pop ? 1 : 0);
        bool const overrun =
            scene.what == operation::push && scene.inside == capacity && scene.when_behind != lag::wait;
        int next = 0, of_dead = 0;
        for (int looks = 0; looks <= capacity + 1; ++looks) {
          auto const one = observer->try_pop();
          if (!one) continue;
          int const number = number_of(*one);
          if (number == of_victim) {
            ++of_dead;
            continue;
          }
          if (overrun && next == 0 && number == 1) next = 1;
          if (of_dead != 0 || number != next) return "out of order, torn, or lost";
          ++next;
        }
        if (next != inside) return "something is lost";
        bool const came = scene.what == operation::push && (scene.inside < capacity || overrun);
        if (of_dead > (came ? 1 : 0) || (of_dead == 0 && done && came)) return "pushed, but gone; or twice";
        for (int i = 0; i < 3 * capacity; ++i) {
          if (!(*queue)->push_for(make<T>(i), 5s)) return "a dead one is waited for";
          auto const one = observer->pop_for(5s);
          if (!one || number_of(*one) != i) return "it does not work as before";
        }
        if (scene.when_behind != lag::wait) return true;
        for (int i = 0; i < capacity; ++i)
          if (!(*queue)->try_push(make<T>(i))) return "there is less room than there was";
        return (*queue)->try_push(make<T>(9)) ? verdict("there is more room than there was") : verdict(true);
      },
      .stride = scene.what == operation::push  ? 11
                : scene.what == operation::pop ? 17
                                               : 61,
  });
}

}  // namespace

TEMPLATE_TEST_CASE(
    "broadcast_queue: killed at every instruction of a push, a pop, a coming or a going, nobody is harmed",
    "[queue][broadcast_queue][kill]", long, tandem_test::large) {
  if (tandem_test::sanitized) return;
  tandem_test::watchdog::allow(std::chrono::seconds(tandem_test::soaking() ? 3600 : 240));
  tandem::commons();
  for (auto const& what : std::initializer_list<scene>{
           {operation::push, 0, 0},
           {operation::push, 2, 1},
           {operation::push, 7, 2},
           {operation::push, 4, 3},
           {operation::push, 4, 3, lag::drop},
           {operation::pop, 0, 0},
           {operation::pop, 5, 2},
           {operation::pop, 4, 1, lag::drop},
           {operation::subscribe, 2, 1},
           {operation::leave, 2, 1},
       }) {
    CAPTURE(static_cast<int>(what.what), what.before, what.inside, static_cast<int>(what.when_behind));
    auto const report = kill_in<broadcast_queue<TestType>, TestType>(what);
    INFO(report.to_string());
    CHECK(report.passed());
  }
}

TEST_CASE("broadcast_queue: a ring that names neither claims nor consumers does not pass these tests",
          "[queue][broadcast_queue][kill]") {
  if (tandem_test::sanitized || tandem_test::brief()) return;  // few points then, which may miss it
  tandem_test::no_wider_stride const here;
  auto const push = kill_in<ring_of_no_names<long>, long>({operation::push, 0, 0});
  auto const pop = kill_in<ring_of_no_names<long>, long>({operation::pop, 0, 0});
  if (!push.skipped.empty()) return;
  CHECK(push.failures > 0);
  CHECK(pop.failures > 0);
}

TEST_CASE("broadcast_queue: killed while it wakes sleepers, both get the element, or the next one",
          "[queue][broadcast_queue][kill]") {
  if (tandem_test::sanitized) return;
  tandem_test::watchdog::allow(std::chrono::seconds(tandem_test::soaking() ? 3600 : 240));
  tandem::commons();
  std::unique_ptr<shared<broadcast_queue<long>>> queue;
  std::array<std::thread, 2> sleepers;
  std::array<std::atomic<pid_t>, 2> ids{};
  std::array<std::atomic<long>, 2> got{};
  auto const report = tandem_test::kill_at_each_instruction({
      .reset =
          [&] {
            queue = std::make_unique<shared<broadcast_queue<long>>>(capacity);
            for (std::size_t i = 0; i < 2; ++i) {
              ids[i] = 0;
              sleepers[i] = std::thread([&, i] {
                auto in = (*queue)->consumer();
                ids[i] = tandem::os::thread_id();
                got[i] = in.pop_for(10s).value_or(-1);
              });
            }
            for (auto const& id : ids)
              while (id == 0 || tandem::os::look_up_task(::getpid(), id).state != 'S') std::this_thread::yield();
          },
      .prepare = [] { tandem::impl::participants::self(); },
      .operation = [&] { (*queue)->push(1); },
      .check = [&]() -> verdict {
        (*queue)->push(2);  // of what the dead one had not published, nobody knows
        for (auto& one : sleepers) one.join();
        if (got[0] != 1 && got[0] != 2) return "a sleeper was not woken";
        return got[0] == got[1] ? verdict(true) : verdict("they saw different ones");
      },
      .stride = 17,
  });
  INFO(report.to_string());
  CHECK(report.passed());
}

TEST_CASE("broadcast_queue: closed at every instruction of a push, it is refused, or those who wait get it",
          "[queue][broadcast_queue][kill]") {
  if (tandem_test::sanitized) return;
  tandem::commons();
  std::optional<shared<broadcast_queue<long>>> queue;
  std::optional<tandem::broadcast_consumer<long>> in;
  std::thread waits;
  std::atomic<bool> over{false};
  std::optional<long> got;
  auto& pushed = place<std::atomic<bool>>(false);
  auto const report = tandem_test::kill_at_each_instruction({
      .reset =
          [&] {
            in.reset();
            queue.emplace(capacity);
            in.emplace((*queue)->consumer());
            over = false;
            got.reset();
          },
      .prepare = [] { tandem::impl::participants::self(); },
      .operation = [&] { pushed = (*queue)->try_push(1); },
      .check = [&]() -> verdict {
        if (!waits.joinable()) return true;  // it came to its end without an interruption
        waits.join();
        return pushed == got.has_value() ? verdict(true) : verdict("pushed, but not seen; or seen, but refused");
      },
      .meanwhile =
          [&] {
            std::atomic<pid_t> id{0};
            waits = std::thread([&] {
              id = tandem::os::thread_id();
              got = in->pop();
              over = true;
            });
            while (id == 0) std::this_thread::yield();
            (*queue)->close();
            while (!over && tandem::os::look_up_task(::getpid(), id).state != 'S') std::this_thread::yield();
          },
      .stride = 11,
  });
  INFO(report.to_string());
  CHECK(report.passed());
}

TEST_CASE("broadcast_queue: elements put in at every instruction of a subscription, all are seen from its first on",
          "[queue][broadcast_queue][kill]") {
  if (tandem_test::sanitized) return;
  tandem_test::watchdog::allow(std::chrono::seconds(tandem_test::soaking() ? 3600 : 240));
  tandem::commons();
  std::optional<shared<broadcast_queue<long>>> queue;
  long pushed = 0;
  struct seen_by_newcomer {
    std::atomic<long> last{0};
    std::atomic<bool> gap{false};
  };
  auto& seen = place<seen_by_newcomer>();
  auto const report = tandem_test::kill_at_each_instruction({
      .reset = [&] { queue.emplace(capacity); },
      .prepare = [&] { static_cast<void>((*queue)->consumer()); },
      .operation =
          [&] {
            auto in = (*queue)->consumer();
            seen.last = 0;
            while (auto const one = in.try_pop()) {
              seen.gap = seen.gap || (seen.last != 0 && *one != seen.last + 1);
              seen.last = *one;
            }
            seen.gap = seen.gap || in.missed() != 0;
          },
      .check = [&]() -> verdict {
        if (seen.gap || (seen.last != 0 && seen.last != pushed)) return "some are lost";
        return true;
      },
      .meanwhile =
          [&] {
            for (pushed = 0; pushed < 3 * capacity && (*queue)->try_push(pushed + 1);) ++pushed;
          },
      .stride = 97,
  });
  INFO(report.to_string());
  CHECK(report.passed());
}

TEST_CASE("broadcast_queue: at every instruction of a subscription's end, another one may take its place",
          "[queue][broadcast_queue][kill]") {
  if (tandem_test::sanitized) return;
  tandem_test::watchdog::allow(std::chrono::seconds(tandem_test::soaking() ? 3600 : 240));
  tandem::commons();
  std::optional<shared<broadcast_queue<long>>> queue;
  std::optional<tandem::broadcast_consumer<long>> leaving, newcomer;
  auto const report = tandem_test::kill_at_each_instruction({
      .reset =
          [&] {
            newcomer.reset();
            queue.emplace(1);
          },
      .prepare = [&] { leaving.emplace((*queue)->consumer()); },
      .operation = [&] { leaving.reset(); },
      .check = [&]() -> verdict {
        if (!newcomer) return true;  // it came to its end without an interruption
        if ((*queue)->consumers() != 1) return "one is gone, or stays";
        while (newcomer->try_pop()) {}
        bool const pushed = (*queue)->try_push(1) && !(*queue)->try_push(2);
        return pushed && newcomer->try_pop() == 1 ? verdict(true) : verdict("it is not waited for");
      },
      .meanwhile =
          [&] {
            while ((*queue)->consumers() == 1 && (*queue)->try_push(0)) {}
            newcomer.emplace((*queue)->consumer());
          },
      .stride = 11,
  });
  INFO(report.to_string());
  CHECK(report.passed());
}

TEMPLATE_TEST_CASE("broadcast_queue: killed at random, nobody hangs; none is torn, twice, lost, or out of order",
                   "[queue][broadcast_queue][kill]", long, tandem_test::page) {
  if (tandem_test::soaking()) tandem_test::watchdog::allow(std::chrono::hours(4));
  tandem::commons();
  auto const when_behind = GENERATE(lag::wait, lag::drop);
  shared<broadcast_queue<TestType>> queue(64, when_behind);
  constexpr int workers = 5, lives = 1 << 14, span = 100'000;
  struct board {
    std::atomic<int> next_life{0};
    std::atomic<long> taken{0}, wrong{0};
  };
  auto& all = place<board>();
  auto const report = tandem_test::random_kill({
      .workers = workers,
      .kills = tandem_test::repetitions(tandem_test::sanitized ? 60 : 100, 10'000),
      .work =
          [&](int worker, std::uint64_t) {
            if (worker % 2 == 0) {
              int const life = all.next_life++ % lives;
              for (int i = 0;; i = (i + 1) % span)
                if (!queue->push(make<TestType>(life * span + i))) ++all.wrong;
            }
            auto in = queue->consumer();
            std::map<int, int> last;
            std::uint64_t missed = 0;
            while (auto const one = in.pop()) {
              int const number = number_of(*one);
              if (in.missed() != missed) last.clear();
              missed = in.missed();
              auto const [before, is_new] = last.try_emplace(number / span, number % span);
              bool const is_next = is_new || (number % span - before->second + span) % span == 1;
              if (number < 0 || !is_next || (missed != 0 && when_behind == lag::wait)) ++all.wrong;
              before->second = number % span;
              ++all.taken;
            }
          },
      .check = [&](int) -> verdict {
        if (all.wrong != 0) return "torn, twice, lost, out of order, or closed";
        long const before = all.taken;
        auto const until = tandem::os::monotonic_ns() + 10'000'000'000;
        while (all.taken == before)
          if (tandem::os::monotonic_ns() > until) return "nobody gets on";
        return true;
      },
  });
  INFO(report.to_string());
  CHECK(report.passed());
  auto in = queue->consumer();
  for (int i = 0; i < 200; ++i) {
    CHECK(queue->push_for(make<TestType>(i), 5s));
    CHECK(number_of(in.pop_for(5s).value()) == i);
  }
  if (when_behind == lag::wait) CHECK(queue->consumers() == 1);
}
