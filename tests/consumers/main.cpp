// SPDX-License-Identifier: BSL-1.0
// The smallest program that uses the library: each consumer project builds and runs it.
#include <tandem/tandem.hpp>

#include <cstdio>
#include <string>

int main() {
  for (auto const mode : {tandem::mode::thread, tandem::mode::process}) {
    auto unit = tandem::spawn(
        mode, [](std::string const& whom) { return "hello, " + whom; }, "world");
    auto const said = unit.join();
    if (!said || *said != "hello, world") return 1;
  }
  std::puts("hello, world");
}
