// SPDX-License-Identifier: BSL-1.0
#include <cstdio>

#include "units.hpp"

int main() {
  void* const state = &tandem::commons();
  if (state_in_other() != state || state_in_plugin() != state) {
    std::puts("the commons are not one");
    return 1;
  }
  for (auto const mode : {tandem::mode::thread, tandem::mode::process}) {
    tandem::shared<std::atomic<int>> counter(0);
    auto other = start_in_other(mode, counter);
    if (other.join().value() != 10) return 1;
    auto plugin = start_in_plugin(mode, counter);
    if (plugin.join().value() != 20) return 1;
    auto here = tandem::spawn(mode, [counter] { return counter->load(); });
    if (here.join().value() != 20) return 1;
  }
  std::puts("one program");
}
