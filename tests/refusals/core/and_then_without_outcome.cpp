// expect: tandem: the function given to and_then returns an outcome
// SPDX-License-Identifier: BSL-1.0
#include "tandem/core.hpp"

auto twice(tandem::outcome<int> const& number) {
  return number.and_then([](int n) { return n * 2; });
}
