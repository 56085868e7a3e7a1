// SPDX-License-Identifier: BSL-1.0
#include "tandem/os/seals.hpp"

#include <cerrno>

#include "support/catch.hpp"
#include "support/temp_dir.hpp"
#include "tandem/os/descriptor.hpp"
#include "tandem/os/mapping.hpp"

namespace os = tandem::os;

TEST_CASE("seals: each is there when it has been added, and does what it says", "[os][seals]") {
  int const file = os::open_memory_file("test", MFD_ALLOW_SEALING);
  REQUIRE(os::set_file_size(file, 4096) == 0);
  std::byte* const before = os::map_file(file, 0, 4096, true, false);
  REQUIRE(before != nullptr);
  REQUIRE(os::add_seals(file, os::seal_shrink | os::seal_future_write) == 0);
  CHECK((os::get_seals(file) & ~0x20) == (os::seal_shrink | os::seal_future_write));  // 0x20: against execution
  CHECK((os::set_file_size(file, 0) == -1 && errno == EPERM));
  CHECK((os::map_file(file, 0, 4096, true, false) == nullptr && errno == EPERM));
  *before = std::byte{1};
  CHECK((os::add_seals(file, os::seal_write) == -1 && errno == EBUSY));
  os::unmap(before, 4096);
  CHECK(os::add_seals(file, os::seal_write | os::seal_grow | os::seal_seals) == 0);
  CHECK((os::set_file_size(file, 8192) == -1 && errno == EPERM));
  CHECK((os::add_seals(file, os::seal_shrink) == -1 && errno == EPERM));
  os::close(file);
}

TEST_CASE("seals: what is no memory has none, and memory with a name takes none", "[os][seals]") {
  int const null = os::open("/dev/null", O_RDWR);
  CHECK((os::get_seals(null) == -1 && errno == EINVAL));
  CHECK((os::add_seals(null, os::seal_grow) == -1 && errno == EINVAL));
  os::close(null);
  auto const path = "/dev/shm/" + tandem_test::unique_name("seals");
  int const named = os::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL, 0600);
  REQUIRE(named >= 0);
  ::unlink(path.c_str());
  CHECK((os::add_seals(named, os::seal_grow) == -1 && errno == EPERM));
  os::close(named);
}
