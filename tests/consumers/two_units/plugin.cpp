// SPDX-License-Identifier: BSL-1.0
#include "units.hpp"

tandem::unit<int> start_in_plugin(tandem::mode mode, tandem::shared<std::atomic<int>> counter) {
  return tandem::spawn(
      mode, [counter](int n) { return counter->fetch_add(n) + n; }, 10);
}

void* state_in_plugin() { return &tandem::commons(); }
