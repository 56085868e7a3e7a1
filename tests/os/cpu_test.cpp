// SPDX-License-Identifier: BSL-1.0
#include "tandem/os/cpu.hpp"

#include <atomic>
#include <thread>

#include "support/catch.hpp"

TEST_CASE("cpu: a wait that relaxes sees what another thread stores, in order", "[os][cpu]") {
  constexpr int rounds = 1000;
  std::atomic<int> turn{0};
  int written = 0;  // by the thread whose turn it is
  std::thread other{[&] {
    for (int i = 1; i < rounds; i += 2) {
      while (turn.load(std::memory_order_acquire) != i) tandem::os::relax();
      written += i;
      turn.store(i + 1, std::memory_order_release);
    }
  }};
  for (int i = 0; i < rounds; i += 2) {
    while (turn.load(std::memory_order_acquire) != i) tandem::os::relax();
    written += i;
    turn.store(i + 1, std::memory_order_release);
  }
  other.join();
  CHECK(written == rounds * (rounds - 1) / 2);
}
