// SPDX-License-Identifier: BSL-1.0
#include "support/interleavings.hpp"

#include <memory>
#include <set>
#include <utility>

#include "support/build_kind.hpp"
#include "support/catch.hpp"

using namespace tandem_test;

namespace {

struct two_words {
  modelled_atomic<int> x{0}, y{0};
  int a = -1, b = -1;
};

/// What two threads see of each other that each write one word and read the other's.
std::set<std::pair<int, int>> seen_by_both(std::memory_order order) {
  std::set<std::pair<int, int>> seen;
  auto const report = explore({}, [&] {
    auto all = std::make_shared<two_words>();
    return modelled_run{.threads = {[=] {
                                      all->x.store(1, order);
                                      all->a = all->y.load();
                                    },
                                    [=] {
                                      all->y.store(1, order);
                                      all->b = all->x.load();
                                    }},
                        .check = [=, &seen] {
                          seen.emplace(all->a, all->b);
                          return verdict(true);
                        }};
  });
  CHECK(report.complete);
  return seen;
}

}  // namespace

// A sanitizer loses its way where stacks are switched.
TEST_CASE("interleavings: all orders of steps, and no more", "[support][interleavings]") {
  if (sanitized) return;
  auto const steps = [](int mine, int other) {
    return explore({},
                   [=] {
                     auto word = std::make_shared<modelled_atomic<int>>(0);
                     auto const look = [word](int times) {
                       for (int i = 0; i < times; ++i) word->load();
                     };
                     return modelled_run{.threads = {[=] { look(mine); }, [=] { look(other); }}};
                   })
        .runs;
  };
  CHECK(steps(1, 1) == 2);
  CHECK(steps(2, 2) == 6);
  CHECK(steps(3, 4) == 35);  // 7 over 3
}

TEST_CASE("interleavings: a store is seen late, as x86 has it", "[support][interleavings]") {
  if (sanitized) return;
  using pairs = std::set<std::pair<int, int>>;
  CHECK(seen_by_both(std::memory_order_release) == pairs{{0, 0}, {0, 1}, {1, 0}, {1, 1}});
  CHECK(seen_by_both(std::memory_order_seq_cst) == pairs{{0, 1}, {1, 0}, {1, 1}});
}

TEST_CASE("interleavings: an update that is lost in one order of many", "[support][interleavings]") {
  if (sanitized) return;
  auto const count_to_two = [](bool atomically, int preemptions) {
    return explore({.preemptions = preemptions}, [=] {
      auto word = std::make_shared<modelled_atomic<int>>(0);
      auto const add = [=] {
        if (atomically)
          word->fetch_add(1);
        else
          word->store(word->load() + 1);
      };
      return modelled_run{.threads = {add, add}, .check = [=] { return verdict(word->load() == 2); }};
    });
  };
  CHECK(count_to_two(true, INT_MAX).passed());
  auto const lost = count_to_two(false, INT_MAX);
  CHECK_FALSE(lost.passed());
  CHECK_THAT(lost.to_string(), ContainsSubstring("who went on"));
  CHECK(count_to_two(false, 0).passed());  // the bound holds
  CHECK_FALSE(count_to_two(false, 1).passed());
}

TEST_CASE("interleavings: deaths, between any two steps", "[support][interleavings]") {
  if (sanitized) return;
  std::set<int> left;
  auto const report = explore({.deaths = 1, .mortal = 1}, [&] {
    auto word = std::make_shared<modelled_atomic<int>>(0);
    return modelled_run{.threads = {[=] {
                                      for (int i = 1; i <= 3; ++i) word->store(i);
                                    },
                                    [=] { word->load(); }},
                        .check = [=, &left] {
                          left.insert(word->load());
                          return verdict(true);
                        }};
  });
  CHECK(report.complete);
  CHECK(left == std::set<int>{0, 1, 2, 3});
}

TEST_CASE("interleavings: who sleeps for ever is found", "[support][interleavings]") {
  if (sanitized) return;
  auto const handshake = [](bool changes_first) {
    return explore({}, [=] {
      auto word = std::make_shared<modelled_atomic<std::uint32_t>>(0U);
      return modelled_run{.threads = {[=] { model::wait(word.get(), 0); },
                                      [=] {
                                        if (changes_first) word->store(1);
                                        model::wake(word.get(), 1);
                                      }}};
    });
  };
  CHECK(handshake(true).passed());
  CHECK_THAT(handshake(false).to_string(), ContainsSubstring("sleeps for ever"));
}

TEST_CASE("interleavings: so many orders are given up", "[support][interleavings]") {
  if (sanitized) return;
  auto const report = explore({.runs = 3}, [] {
    auto word = std::make_shared<modelled_atomic<int>>(0);
    auto const look = [=] {
      word->load();
      word->load();
    };
    return modelled_run{.threads = {look, look}};
  });
  CHECK(report.runs == 3);
  CHECK_FALSE(report.passed());
}
