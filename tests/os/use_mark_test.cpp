// SPDX-License-Identifier: BSL-1.0
#include "tandem/os/use_mark.hpp"

#include <cerrno>
#include <string>

#include "os/probes.hpp"
#include "support/catch.hpp"
#include "support/temp_dir.hpp"
#include "tandem/os/descriptor.hpp"
#include "tandem/os/mapping.hpp"

namespace os = tandem::os;
using namespace tandem_test;

namespace {

struct marked_file {
  std::string path = "/dev/shm/" + unique_name("marked");
  int asker;

  marked_file() : asker{os::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL, 0600)} {
    REQUIRE(asker >= 0);
    REQUIRE(os::set_file_size(asker, 4096) == 0);
  }
  ~marked_file() {
    os::close(asker);
    ::unlink(path.c_str());
  }
  int open(int flags = O_RDONLY) const { return os::open(path.c_str(), flags); }
};

}  // namespace

TEST_CASE("use_mark: any number of open files have one, and it ends with each", "[os][use_mark]") {
  marked_file const file;
  CHECK(os::is_used(file.asker) == 0);
  int const first = file.open();
  int const second = file.open();
  REQUIRE(os::mark_used(first) == 0);
  REQUIRE(os::mark_used(second) == 0);
  CHECK(os::is_used(file.asker) == 1);
  os::close(first);
  CHECK(os::is_used(file.asker) == 1);
  int const copy = os::duplicate(second);
  os::close(second);
  CHECK(os::is_used(file.asker) == 1);
  os::close(copy);
  CHECK(os::is_used(file.asker) == 0);
}

TEST_CASE("use_mark: it lives in a mapping, and in a forked child, until that one is killed", "[os][use_mark]") {
  marked_file const file;
  int used = file.open();
  REQUIRE(os::mark_used(used) == 0);
  std::byte* const at = os::map_file(used, 0, 4096, false, false);
  os::close(used);
  CHECK(os::is_used(file.asker) == 1);
  os::unmap(at, 4096);
  CHECK(os::is_used(file.asker) == 0);

  used = file.open();
  REQUIRE(os::mark_used(used) == 0);
  child_process child{[] { ::pause(); }};
  os::close(used);
  CHECK(os::is_used(file.asker) == 1);
  CHECK(child.kill().signal == SIGKILL);
  CHECK(os::is_used(file.asker) == 0);
}

TEST_CASE("use_mark: a file is claimed where nobody uses it, and then nobody marks it", "[os][use_mark]") {
  marked_file const file;
  int const used = file.open();
  int const claimer = file.open(O_RDWR);
  REQUIRE(os::mark_used(used) == 0);
  CHECK((os::claim_unused(claimer) == -1 && errno == EAGAIN));
  os::close(used);
  CHECK(os::claim_unused(claimer) == 0);
  CHECK(os::is_used(file.asker) == 1);
  int const late = file.open();
  CHECK((os::mark_used(late) == -1 && errno == EAGAIN));
  os::close(claimer);
  CHECK(os::mark_used(late) == 0);
  os::close(late);
}

TEST_CASE("use_mark: locks of the user's on the whole file are not in its way", "[os][use_mark]") {
  marked_file const file;
  int const used = file.open(O_RDWR);
  struct flock whole {};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  whole.l_len = 4096;
  REQUIRE(::fcntl(file.asker, F_OFD_SETLK, &whole) == 0);
  CHECK(os::mark_used(used) == 0);
  os::close(used);
}

TEST_CASE("use_mark: what is not open for it has none", "[os][use_mark]") {
  marked_file const file;
  int const reader = file.open();
  CHECK((os::claim_unused(reader) == -1 && errno == EBADF));
  os::close(reader);
  CHECK((os::mark_used(-1) == -1 && errno == EBADF));
  CHECK((os::is_used(-1) == -1 && errno == EBADF));
}
