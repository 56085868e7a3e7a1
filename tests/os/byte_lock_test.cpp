// SPDX-License-Identifier: BSL-1.0
#include "tandem/os/byte_lock.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <string>

#include "support/catch.hpp"
#include "support/child.hpp"

namespace os = tandem::os;
using os::byte_lock_kind;

namespace {

struct open_file {
  int number;
  explicit open_file(int from) : number(from) { REQUIRE(number >= 0); }
  open_file(open_file const&) = delete;
  ~open_file() { ::close(number); }
  /// The same file, opened once more.
  int again(int flags = O_RDWR) const {
    return ::open(("/proc/self/fd/" + std::to_string(number)).c_str(), flags | O_CLOEXEC);
  }
};

}  // namespace

TEST_CASE("byte_lock: belongs to the open file, and goes with its last descriptor", "[os][byte_lock]") {
  open_file const file(::memfd_create("test", MFD_CLOEXEC));
  {
    open_file const other(file.again());
    REQUIRE(os::lock_byte(other.number, byte_lock_kind::exclusive, 7) == 0);
    CHECK(os::is_byte_locked(file.number, 7) == 1);
    CHECK(os::is_byte_locked(file.number, 8) == 0);
    CHECK(os::is_byte_locked(other.number, 7) == 0);  // its own
    CHECK(os::lock_byte(file.number, byte_lock_kind::exclusive, 7) == -1);
    CHECK(errno == EAGAIN);
    CHECK(os::lock_byte(file.number, byte_lock_kind::shared, 7) == -1);
    CHECK(os::lock_byte(file.number, byte_lock_kind::exclusive, 8) == 0);
  }
  CHECK(os::is_byte_locked(file.number, 7) == 0);
  CHECK(os::lock_byte(file.number, byte_lock_kind::exclusive, 7) == 0);
}

TEST_CASE("byte_lock: many may share one", "[os][byte_lock]") {
  open_file const file(::memfd_create("test", MFD_CLOEXEC));
  open_file const other(file.again(O_RDONLY));
  CHECK(os::lock_byte(file.number, byte_lock_kind::shared, 1) == 0);
  CHECK(os::lock_byte(other.number, byte_lock_kind::shared, 1) == 0);
  CHECK(os::lock_byte(other.number, byte_lock_kind::exclusive, 2) == -1);
  CHECK(errno == EBADF);
}

TEST_CASE("byte_lock: dropped at a death", "[os][byte_lock][death]") {
  open_file const file(::memfd_create("test", MFD_CLOEXEC));
  auto const result = tandem_test::run_in_child([&] {
    open_file const own(file.again());
    CHECK(os::lock_byte(own.number, byte_lock_kind::exclusive, 7) == 0);
    CHECK(os::is_byte_locked(file.number, 7) == 1);
    ::raise(SIGKILL);
  });
  CHECK(result.signal == SIGKILL);
  CHECK(os::is_byte_locked(file.number, 7) == 0);
}

TEST_CASE("byte_lock: what is no file", "[os][byte_lock][errors]") {
  CHECK(os::lock_byte(-1, byte_lock_kind::shared, 1) == -1);
  CHECK(os::is_byte_locked(-1, 1) == -1);
}
