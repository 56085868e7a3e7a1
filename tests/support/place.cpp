// SPDX-License-Identifier: BSL-1.0
#include "support/place.hpp"

#include <sys/mman.h>  // for mmap

#include <cerrno>        // for errno
#include <system_error>  // for system_error
#include <vector>        // for vector

namespace tandem_test {
namespace {

struct entry {
  void* memory;
  std::size_t size;
  void (*destroy)(void*);
};

std::vector<entry>& entries() {
  static std::vector<entry> all;
  return all;
}

}  // namespace

void clear_places() {
  auto& all = entries();
  while (!all.empty()) {
    auto const last = all.back();
    all.pop_back();
    last.destroy(last.memory);
    ::munmap(last.memory, last.size);
  }
}

void* inner::new_place(std::size_t size, void (*destroy)(void*)) {
  void* const memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap");
  entries().push_back({memory, size, destroy});
  return memory;
}

}  // namespace tandem_test
