// SPDX-License-Identifier: BSL-1.0
// Two libraries that use tandem, one after the other, one in a process of the other, and at once. Says what went wrong.
#include <sys/wait.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <iterator>
#include <thread>

extern "C" int copy_one(int (*inside)());
extern "C" int copy_two(int (*inside)());

namespace {

int failures = 0;

void check(bool right, char const* what) {
  if (right) return;
  std::printf("wrong: %s\n", what);
  ++failures;
}

std::ptrdiff_t open_descriptors() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), std::filesystem::directory_iterator());
}

}  // namespace

int main() {
  check(copy_one(nullptr) == 0, "the first alone");
  check(copy_two(nullptr) == 0, "the second alone");
  std::ptrdiff_t const before = open_descriptors();
  check(copy_one([] { return copy_two(nullptr); }) == 0, "the second in a process of the first");
  check(copy_two([] { return copy_one(nullptr); }) == 0, "the first in a process of the second");
  int one = -1, two = -1;
  std::thread first([&] { one = copy_one(nullptr); });
  std::thread second([&] { two = copy_two(nullptr); });
  first.join();
  second.join();
  check(one == 0 && two == 0, "both at once");
  check(open_descriptors() == before, "a descriptor is left");
  check(::waitpid(-1, nullptr, __WALL) == -1 && errno == ECHILD, "a child is left");
  return failures;
}
