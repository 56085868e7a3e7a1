// SPDX-License-Identifier: BSL-1.0
#include "tandem/os/cpu.hpp"

#include <atomic>
#include <thread>

#include "support/catch.hpp"

TEST_CASE("cpu: a wait that relaxes sees what another thread stores", "[os][cpu]") {
  std::atomic<bool> set{false};
  std::thread setter{[&] { set.store(true, std::memory_order_release); }};
  while (!set.load(std::memory_order_acquire)) tandem::os::relax();
  setter.join();
  SUCCEED();
}
