// SPDX-License-Identifier: BSL-1.0
#include "tandem/os/unnamed_file.hpp"

#include <cerrno>
#include <filesystem>
#include <string>

#include "os/probes.hpp"
#include "support/catch.hpp"
#include "support/temp_dir.hpp"

namespace os = tandem::os;
using namespace tandem_test;

TEST_CASE("unnamed_file: it has no name until it is given one, which nobody else has", "[os][unnamed_file]") {
  auto const path = "/dev/shm/" + unique_name("unnamed");
  int const file = os::open_unnamed("/dev/shm");
  REQUIRE(file >= 0);
  CHECK(close_on_exec(file));
  REQUIRE(os::write(file, "all", 3) == 3);
  CHECK_FALSE(std::filesystem::exists(path));
  REQUIRE(os::can_give_name(file));
  REQUIRE(os::give_name(file, path.c_str()) == 0);
  CHECK(std::filesystem::file_size(path) == 3);
  int const second = os::open_unnamed("/dev/shm");
  CHECK((os::give_name(second, path.c_str()) == -1 && errno == EEXIST));
  CHECK((os::add_name(path.c_str(), path.c_str()) == -1 && errno == EEXIST));
  CHECK(os::add_name(path.c_str(), (path + "b").c_str()) == 0);
  CHECK(os::remove_name((path + "b").c_str()) == 0);
  CHECK(os::remove_name(path.c_str()) == 0);
  CHECK((os::remove_name(path.c_str()) == -1 && errno == ENOENT));
  os::close(file);
  os::close(second);
}

TEST_CASE("unnamed_file: one that is closed without a name leaves nothing", "[os][unnamed_file]") {
  temp_dir const dir;
  int const file = os::open_unnamed(dir.path().c_str());
  if (file < 0 && (errno == EOPNOTSUPP || errno == EISDIR)) return;  // not on this file system
  REQUIRE(file >= 0);
  CHECK(std::filesystem::is_empty(dir.path()));
  os::close(file);
  CHECK(std::filesystem::is_empty(dir.path()));
  CHECK_FALSE(os::can_give_name(file));
}

TEST_CASE("unnamed_file: its permissions are those that are set, whatever the umask is", "[os][unnamed_file]") {
  int const file = os::open_unnamed("/dev/shm");
  auto const mask = ::umask(077);
  CHECK(os::set_permissions(file, 0666) == 0);
  ::umask(mask);
  struct stat status {};
  CHECK(::fstat(file, &status) == 0);
  CHECK((status.st_mode & 0777) == 0666);
  os::close(file);
  CHECK((os::set_permissions(file, 0600) == -1 && errno == EBADF));
}

TEST_CASE("unnamed_file: drawn numbers differ", "[os][unnamed_file]") { CHECK(os::draw_number() != os::draw_number()); }
