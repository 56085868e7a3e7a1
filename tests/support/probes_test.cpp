// SPDX-License-Identifier: BSL-1.0
#include "support/probes.hpp"

#include <atomic>

using tandem_test::processes, tandem_test::threads;

TEMPLATE_TEST_CASE("probes: every peer runs once, with its number, on the same objects", "[support][probes]", threads,
                   processes) {
  auto& sum = TestType::template place<std::atomic<int>>(100);
  TestType::spawn_and_join(4, [&](int number) { sum.fetch_add(number, std::memory_order_relaxed); });
  CHECK(sum.load() == 106);
}

TEMPLATE_TEST_CASE("probes: peers run while the caller does", "[support][probes]", threads, processes) {
  auto& peers = TestType::template place<std::atomic<int>>(0);
  auto& go = TestType::template place<std::atomic<bool>>(false);
  TestType::spawn_and_join(
      2,
      [&] {
        peers.fetch_add(1);
        while (!go.load()) std::this_thread::yield();
      },
      [&] {
        while (peers.load() != 2) std::this_thread::yield();
        go.store(true);
      });
  CHECK(peers.load() == 2);
}

TEST_CASE("probes: places are destroyed at the end of the test case, the newest first", "[support][probes]") {
  struct marked {
    std::atomic<int>* word;
    int digit;
    ~marked() { *word = *word * 10 + digit; }
  };
  std::atomic<int> order{0};
  tandem_test::place<marked>(&order, 1);
  tandem_test::place<marked>(&order, 2);
  tandem_test::clear_places();
  CHECK(order == 21);
}
