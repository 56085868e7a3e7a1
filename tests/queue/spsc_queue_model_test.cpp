// SPDX-License-Identifier: BSL-1.0
// spsc_queue in every order of the steps of both sides.
#include "queue/modelled.hpp"
// behind it, for it replaces what they include
#include "tandem/queue/spsc_queue.hpp"
#undef atomic
#undef tandem

#include <memory>
#include <vector>

#include "support/build_kind.hpp"
#include "support/catch.hpp"

using namespace tandem_test;

namespace {

struct scene {
  explicit scene(int capacity) : queue(capacity) {}
  modelled::spsc_queue<numbered> queue;
  std::vector<int> got{};
  int pushed = 0;

  void push_all() {
    for (int i = 1; i <= 4; ++i)
      if (queue.try_push({pushed + 1})) ++pushed;
  }
  void push_several() {
    numbered const two[]{{1}, {2}}, more[]{{3}, {4}, {5}};
    pushed = static_cast<int>(queue.push_some(two));
    if (pushed == 2) pushed += static_cast<int>(queue.push_some(more));
  }
  void pop_all() {
    for (int i = 0; i < 4; ++i)
      if (auto const one = queue.try_pop()) got.push_back(one->number);
  }
  void pop_several() {
    numbered room[3];
    for (int i = 0; i < 2; ++i)
      for (std::size_t n = queue.pop_some(room), k = 0; k < n; ++k) got.push_back(room[k].number);
  }
  verdict check(bool consumer_may_lose) {
    while (auto const one = queue.try_pop()) got.push_back(one->number);
    int last = 0;
    for (int const number : got) {
      if (number < 0) return "torn";
      bool const again = consumer_may_lose && number == last;
      if (number != last + 1 && !again && !(consumer_may_lose && number == last + 2))
        return "lost, twice, or out of order";
      last = number;
    }
    return last >= pushed - (consumer_may_lose ? 1 : 0) ? verdict(true) : verdict("lost");
  }
};

}  // namespace

TEST_CASE("spsc_queue: in every order of steps, with and without a death", "[queue][spsc_queue][model]") {
  if (sanitized) return;
  int const capacity = GENERATE(1, 2);
  bool const several_in = GENERATE(true, false), several_out = GENERATE(true, false);
  int const deaths = GENERATE(0, 1);
  auto const report =
      explore({.preemptions = static_cast<int>(brief() ? 2 : repetitions(3, 5)),
               .late_stores = 1,
               .deaths = deaths,
               .mortal = 1},
              [&] {
                auto all = std::make_shared<scene>(capacity);
                return modelled_run{.threads = {[=] { several_in ? all->push_several() : all->push_all(); },
                                                [=] { several_out ? all->pop_several() : all->pop_all(); }},
                                    .check = [=] { return all->check(false); }};
              });
  INFO("capacity " << capacity << (several_in ? ", several in" : "") << (several_out ? ", several out" : "") << ": "
                   << report.to_string());
  CHECK(report.passed());
}

TEST_CASE("spsc_queue: a consumer dies between any two steps", "[queue][spsc_queue][model][death]") {
  if (sanitized) return;
  auto const report = explore(
      {.preemptions = static_cast<int>(brief() ? 2 : repetitions(3, 5)), .late_stores = 1, .deaths = 1, .mortal = 2},
      [] {
        auto all = std::make_shared<scene>(2);
        return modelled_run{.threads = {[=] { all->push_all(); }, [=] { all->pop_all(); }},
                            .check = [=] { return all->check(true); }};
      });
  INFO(report.to_string());
  CHECK(report.passed());
}
