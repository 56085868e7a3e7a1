// SPDX-License-Identifier: BSL-1.0
// The ring of a bounded_queue in every order of the steps of who uses it, and with a death between any two of them.
#include "queue/modelled.hpp"
// behind it, for it replaces what they include
#include "tandem/queue/impl/ring.hpp"
#undef atomic
#undef tandem

#include <functional>
#include <memory>
#include <vector>

#include "support/build_kind.hpp"
#include "support/catch.hpp"

using namespace tandem_test;
using modelled::impl::dead_claims, modelled::impl::position, modelled::impl::step;

namespace {

/// A producer, or a consumer, of a ring.
struct actor {
  position cursor{};
  std::vector<int> got{};
  int pushed = 0;
};

template <dead_claims Dead> struct scene {
  explicit scene(std::uint32_t capacity, int before = 0) : ring(capacity) {
    for (int i = 0; i < before; ++i) push(actors[3], 1 + i);
  }

  void push(actor& who, int number) {
    numbered const value{number};
    if (ring.push(who.cursor, value, [] { return false; }) == step::done) ++who.pushed;
  }
  auto pusher(std::size_t who, std::vector<int> numbers) {
    return [this, who, numbers] {
      for (int const number : numbers) push(actors[who], number);
    };
  }
  auto popper(std::size_t who, int times) {
    return [this, who, times] {
      auto& me = actors[who];
      for (int i = 0; i < times; ++i) ring.pop(me.cursor, [&](numbered value) { me.got.push_back(value.number); });
    };
  }

  /// All that came out comes once, whole, and each producer's in its order (10, 11, ...: of one; 20, ...: of another);
  /// what was put in and did not come out are `may_be_lost` at most; and what is left is a ring of the same size.
  verdict check(int may_be_lost, int may_be_there_unknown) {
    std::vector<int> times(100), rest;
    position at = ring.pop_hint();
    while (ring.pop(at, [&](numbered value) { rest.push_back(value.number); }) == step::done) {}
    int out = 0, pushed = 0;
    for (auto const& one : actors) pushed += one.pushed;
    for (auto const* numbers : {&actors[0].got, &actors[1].got, &actors[2].got, &rest}) {
      int last[10]{};
      for (int const number : *numbers) {
        if (number < 0) return "torn";
        if (++times[static_cast<std::size_t>(number)] > 1) return "twice";
        if (number <= last[number / 10]) return "out of order";
        last[number / 10] = number;
        ++out;
      }
    }
    if (out < pushed - may_be_lost) return "lost";
    if (out > pushed + may_be_there_unknown) return "there is more than was put in";
    actor late{ring.push_hint()};
    for (std::uint32_t i = 0; i < ring.capacity(); ++i) push(late, 90);
    if (late.pushed != static_cast<int>(ring.capacity())) return "there is less room than there was";
    push(late, 91);
    return late.pushed == static_cast<int>(ring.capacity()) ? verdict(true) : verdict("there is more room");
  }

  modelled::impl::ring<numbered, Dead> ring;
  actor actors[4];
};
using ring_scene = scene<dead_claims::undone>;

int bound(int usual) { return static_cast<int>(brief() ? usual - 1 : repetitions(usual, usual + 1)); }

}  // namespace

// A sanitizer loses its way where stacks are switched.
TEST_CASE("bounded_queue: in every order of steps, all comes out once, whole and in order",
          "[queue][bounded_queue][model]") {
  if (sanitized) return;
  auto const capacity = GENERATE(1U, 2U);
  auto const report_of = [&](int preemptions, auto threads) {
    auto const report = explore({.preemptions = preemptions, .late_stores = 1}, [&] {
      auto all = std::make_shared<ring_scene>(capacity);
      return modelled_run{.threads = threads(*all), .check = [all] { return all->check(0, 0); }};
    });
    INFO("capacity " << capacity << ": " << report.to_string());
    CHECK(report.passed());
  };
  using bodies = std::vector<std::function<void()>>;
  SECTION("one in, one out") {
    report_of(bound(3), [](ring_scene& all) { return bodies{all.pusher(0, {10, 11, 12}), all.popper(1, 3)}; });
  }
  SECTION("two in, one out") {
    report_of(bound(2), [](ring_scene& all) {
      return bodies{all.pusher(0, {10}), all.pusher(1, {20, 21}), all.popper(2, 2)};
    });
  }
  SECTION("one in, two out") {
    report_of(bound(2), [](ring_scene& all) {
      return bodies{all.pusher(0, {10, 11, 12}), all.popper(1, 1), all.popper(2, 2)};
    });
  }
}

TEST_CASE("bounded_queue: a death between any two steps, in every order", "[queue][bounded_queue][model][death]") {
  if (sanitized) return;
  auto const before = GENERATE(0, 1, 2);
  bool const producer_dies = GENERATE(true, false);
  auto const explore_deaths = [&] {
    return explore({.preemptions = bound(2), .late_stores = 1, .deaths = 1, .mortal = producer_dies ? 1U : 2U}, [&] {
      auto all = std::make_shared<ring_scene>(2U, before);
      return modelled_run{.threads = {all->pusher(0, {10, 11}), all->popper(1, 2)},
                          .check = [=] { return all->check(producer_dies ? 0 : 1, producer_dies ? 1 : 0); }};
    });
  };
  auto const report = explore_deaths();
  INFO(before << " before, " << (producer_dies ? "a producer" : "a consumer") << " dies: " << report.to_string());
  CHECK(report.passed());

  // The control: whose claims nobody undoes, those stay in the way.
  modelled::impl::participants::sees_no_death = true;
  CHECK_FALSE(explore_deaths().passed());
  modelled::impl::participants::sees_no_death = false;
}

TEST_CASE("acknowledged_queue: a claim is adopted by one, in every order",
          "[queue][acknowledged_queue][model][death]") {
  if (sanitized) return;
  using kept = scene<dead_claims::kept>;
  auto const report = explore({.preemptions = bound(2), .late_stores = 1, .deaths = 1, .mortal = 1}, [] {
    auto all = std::make_shared<kept>(2U, 1);
    auto const receive = [all](std::size_t who, bool adopts) {
      return [all, who, adopts] {
        auto& me = all->actors[who];
        position mine;
        bool has = all->ring.claim(me.cursor, mine);
        if (!has && adopts) {
          auto const reader = all->ring.reader_at(0, mine);
          has = reader != 0 && modelled::impl::participants::has_ended(reader) &&
                all->ring.adopt(mine, reader, modelled::impl::participants::self());
        }
        if (!has) return;
        me.got.push_back(all->ring.element_at(mine).take().number);
        all->ring.empty(mine);
      };
    };
    return modelled_run{
        .threads = {receive(0, false), receive(1, true), receive(2, true)}, .check = [all]() -> verdict {
          // what the dead one had read may come again; to the others once
          all->actors[0].got.clear();
          position mine;
          auto const reader = all->ring.reader_at(0, mine);
          if (reader != 0 && modelled::impl::participants::has_ended(reader) && all->ring.adopt(mine, reader, 99)) {
            all->actors[0].got.push_back(all->ring.element_at(mine).take().number);
            all->ring.empty(mine);
          }
          return all->check(1, 0);
        }};
  });
  INFO(report.to_string());
  CHECK(report.passed());
}
