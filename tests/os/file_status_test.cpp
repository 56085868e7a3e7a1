// SPDX-License-Identifier: BSL-1.0
#include "tandem/os/file_status.hpp"

#include <unistd.h>

#include <cerrno>

#include "support/catch.hpp"
#include "support/temp_dir.hpp"
#include "tandem/os/descriptor.hpp"
#include "tandem/os/mapping.hpp"

namespace os = tandem::os;
using namespace tandem_test;

TEST_CASE("file_status: size, names and kind of a file, by its descriptor and by its name", "[os][file_status]") {
  temp_dir const dir;
  auto const path = (dir / "file").string();
  int const file = os::open(path.c_str(), O_RDWR | O_CREAT, 0600);
  REQUIRE(os::write(file, "12345", 5) == 5);
  os::file_status open, named;
  REQUIRE(os::get_status(file, open) == 0);
  REQUIRE(os::get_status(path.c_str(), named) == 0);
  CHECK((open.bytes == 5 && open.names == 1 && open.is_regular));
  CHECK((named.inode == open.inode && named.device == open.device));
  CHECK(::unlink(path.c_str()) == 0);
  CHECK((os::get_status(file, open) == 0 && open.names == 0));
  CHECK((os::get_status(path.c_str(), named) == -1 && errno == ENOENT));
  os::close(file);
  CHECK((os::get_status(file, open) == -1 && errno == EBADF));
}

TEST_CASE("file_status: a memory file is regular, a pipe, a folder and a symbolic link are not", "[os][file_status]") {
  os::file_status status;
  int const memory = os::create_memory_file("test", 4096);
  CHECK((os::get_status(memory, status) == 0 && status.is_regular && status.bytes == 4096 && status.names == 0));
  os::close(memory);
  int ends[2];
  REQUIRE(os::open_pipe(ends) == 0);
  CHECK((os::get_status(ends[0], status) == 0 && !status.is_regular));
  os::close(ends[0]);
  os::close(ends[1]);
  CHECK((os::get_status("/", status) == 0 && !status.is_regular));
  CHECK((os::get_status("/proc/self/exe", status) == 0 && !status.is_regular));
}

TEST_CASE("file_status: how a file was opened", "[os][file_status]") {
  for (int const mode : {O_RDONLY, O_WRONLY, O_RDWR}) {
    int const file = os::open("/dev/null", mode | O_NONBLOCK);
    CHECK(os::get_open_mode(file) == mode);
    os::close(file);
  }
  CHECK((os::get_open_mode(-1) == -1 && errno == EBADF));
}
