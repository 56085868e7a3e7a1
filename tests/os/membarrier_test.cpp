// SPDX-License-Identifier: BSL-1.0
#include "tandem/os/membarrier.hpp"

#include <atomic>
#include <thread>

#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/place.hpp"
#include "support/probes.hpp"
#include "support/syscall_fault.hpp"

namespace os = tandem::os;
using tandem_test::place;

TEMPLATE_TEST_CASE("membarrier: of two who store and look, one with the fence of both, one sees the other",
                   "[os][membarrier]", tandem_test::threads, tandem_test::processes) {
  if (!os::is_fenced_by_others()) {
    WARN("SKIP(membarrier): not allowed here");
    return;
  }
  struct board {
    alignas(64) std::atomic<int> first{0};
    alignas(64) std::atomic<int> second{0};
    alignas(64) std::atomic<int> round{0}, done{0}, missed{0};
    std::atomic<bool> saw[2]{};
  };
  auto& all = place<board>();
  constexpr int rounds = 3000;
  TestType::spawn_and_join(2, [&](int side) {
    for (int round = 1; round <= rounds; ++round) {
      if (side == 0) {
        all.first.store(round, std::memory_order_release);
        std::atomic_signal_fence(std::memory_order_seq_cst);
        all.saw[0] = all.second.load(std::memory_order_relaxed) == round;
      } else {
        all.second.store(round, std::memory_order_release);
        tandem_test::require(os::fence_others(), "no fence");
        all.saw[1] = all.first.load(std::memory_order_relaxed) == round;
      }
      if (++all.done == 2 * round) {
        if (!all.saw[0] && !all.saw[1]) ++all.missed;
        all.round = round;
      }
      while (all.round < round) std::this_thread::yield();
    }
  });
  CHECK(all.missed == 0);
}

TEST_CASE("membarrier: where it is forbidden, both say so", "[os][membarrier][errors]") {
  CHECK(tandem_test::run_with_fault(tandem_test::faults_from_string("membarrier=EPERM"), [] {
          CHECK_FALSE(os::fence_others());
        }).passed());
}
