// quick_exit in a process runs its own handlers, and not those that its starter had.
#include <tandem/tandem.hpp>

#include <cstdio>
#include <cstdlib>

int main() {
  std::at_quick_exit([] { std::puts("starter's handler"), std::fflush(stdout); });
  tandem::process quick{[] {
    std::at_quick_exit([] { std::puts("unit's handler"), std::fflush(stdout); });
    std::quick_exit(3);
  }};
  std::printf("code %d\n", quick.join().error().exit_code());
  std::fflush(stdout);
  std::quick_exit(0);
}
// unit's handler
// code 3
// starter's handler
