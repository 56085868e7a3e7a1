// SPDX-License-Identifier: BSL-1.0
// What the tests of shared memory, under a name or not, have in common.
#ifndef TANDEM_TESTS_MEMORY_SHARED_MEMORY_PROBES_HPP
#define TANDEM_TESTS_MEMORY_SHARED_MEMORY_PROBES_HPP

#include <sys/stat.h>   // for fstat
#include <sys/types.h>  // for pid_t
#include <unistd.h>     // for getpid

#include <cstddef>      // for size_t
#include <cstring>      // for memset
#include <string>       // for string
#include <string_view>  // for string_view

#include "support/catch.hpp"
#include "support/temp_dir.hpp"
#include "tandem/memory/shared_memory.hpp"

namespace tandem_test {

/// A name for shared memory, which does not outlive its test.
struct name_of_test {
  std::string name = "/" + unique_name("shm");
  std::string path = "/dev/shm" + name;
  pid_t owner = ::getpid();

  name_of_test() = default;
  name_of_test(name_of_test const&) = delete;
  ~name_of_test() {
    if (::getpid() == owner) tandem::shared_memory::remove(name);
  }
  operator std::string_view() const { return name; }
};

inline struct stat status_of(tandem::shared_memory const& memory) {
  struct stat status {};
  REQUIRE(::fstat(memory.descriptor().get(), &status) == 0);
  return status;
}

inline bool has_its_space(tandem::shared_memory const& memory) {
  return static_cast<std::size_t>(status_of(memory).st_blocks) * 512 >= memory.size();
}

inline void fill_with_ones(tandem::mapping& all) { std::memset(all.bytes().data(), 1, all.size()); }

}  // namespace tandem_test

#endif  // TANDEM_TESTS_MEMORY_SHARED_MEMORY_PROBES_HPP
