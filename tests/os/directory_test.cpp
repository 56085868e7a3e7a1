// SPDX-License-Identifier: BSL-1.0
#include "tandem/os/directory.hpp"

#include <fcntl.h>

#include <cerrno>
#include <fstream>
#include <set>
#include <string>

#include "support/catch.hpp"
#include "support/temp_dir.hpp"

namespace os = tandem::os;

TEST_CASE("directory: every entry is told, in whatever number of pieces", "[os][directory]") {
  tandem_test::temp_dir const folder;
  std::set<std::string> expected{".", ".."};
  for (int i = 0; i < 300; ++i) {
    auto const name = std::to_string(i) + std::string(static_cast<std::size_t>(i % 200), 'n');
    std::ofstream(folder / name) << i;
    expected.insert(name);
  }
  int const directory = ::open(folder.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  std::multiset<std::string> told;
  CHECK(os::for_each_entry(directory, [&](char const* name) { told.insert(name); }) == 0);
  CHECK(std::multiset<std::string>(expected.begin(), expected.end()) == told);
  ::close(directory);
}

TEST_CASE("directory: what is none is an error", "[os][directory]") {
  int const file = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  CHECK(os::for_each_entry(file, [](char const*) {}) == -1);
  CHECK(errno == ENOTDIR);
  ::close(file);
}
