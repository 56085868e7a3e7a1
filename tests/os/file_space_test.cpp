// SPDX-License-Identifier: BSL-1.0
#include "tandem/os/file_space.hpp"

#include <sys/stat.h>
#include <sys/time.h>

#include <csignal>

#include "os/probes.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/syscall_fault.hpp"
#include "tandem/os/descriptor.hpp"
#include "tandem/os/mapping.hpp"

namespace os = tandem::os;
using namespace tandem_test;

namespace {

struct stat status_of(int file) {
  struct stat status {};
  REQUIRE(::fstat(file, &status) == 0);
  return status;
}

}  // namespace

TEST_CASE("file_space: a size that is set is a hole, one that is reserved has its space", "[os][file_space]") {
  int const file = os::open_memory_file("test", 0);
  REQUIRE(os::set_file_size(file, 1 << 20) == 0);
  CHECK(status_of(file).st_size == 1 << 20);
  CHECK(status_of(file).st_blocks == 0);
  REQUIRE(os::write(file, "x", 1) == 1);
  REQUIRE(os::reserve_file_space(file, 1 << 20) == 0);
  CHECK(status_of(file).st_blocks * 512 >= 1 << 20);
  char first = 0;
  CHECK((::pread(file, &first, 1, 0) == 1 && first == 'x'));
  REQUIRE(os::reserve_file_space(file, 4096) == 0);  // has it: stays as it is
  CHECK(status_of(file).st_size == 1 << 20);
  REQUIRE(os::set_file_size(file, 100) == 0);
  CHECK(status_of(file).st_size == 100);
  os::close(file);
}

TEST_CASE("file_space: RLIMIT_FSIZE is EFBIG, not SIGXFSZ; so is what no file can have", "[os][file_space]") {
  auto const child = run_in_child([] {
    ::signal(SIGXFSZ, SIG_DFL);
    int const file = os::open_memory_file("test", 0);
    CHECK((os::set_file_size(file, SIZE_MAX) == -1 && errno == EFBIG));
    CHECK((os::reserve_file_space(file, SIZE_MAX) == -1 && errno == EFBIG));
    rlimit const limit{1 << 20, 1 << 20};
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
    CHECK((os::set_file_size(file, (1 << 20) + 1) == -1 && errno == EFBIG));
    CHECK((os::reserve_file_space(file, (1 << 20) + 1) == -1 && errno == EFBIG));
    CHECK(os::reserve_file_space(file, 1 << 20) == 0);
  });
  INFO(child.to_string());
  CHECK(child.passed());
}

TEST_CASE("file_space: a rain of signals does not keep a reservation from its end", "[os][file_space]") {
  auto const child = run_in_child([] {
    struct sigaction action {};
    action.sa_handler = [](int) {};
    REQUIRE(::sigaction(SIGALRM, &action, nullptr) == 0);
    itimerval const rain{{0, 50}, {0, 50}};
    REQUIRE(::setitimer(ITIMER_REAL, &rain, nullptr) == 0);
    int const file = os::open_memory_file("test", 0);
    CHECK(os::reserve_file_space(file, 64 << 20) == 0);  // some 20 ms of work
    sigset_t mask;
    ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    CHECK(::sigismember(&mask, SIGALRM) == 0);
  });
  INFO(child.to_string());
  CHECK(child.passed());
}

TEST_CASE("file_space: the error is the system's", "[os][file_space]") {
  int const error = GENERATE(ENOSPC, EOPNOTSUPP);
  CHECK(run_with_fault({{SYS_fallocate, error}}, [&] {
          int const file = os::open_memory_file("test", 0);
          CHECK((os::reserve_file_space(file, 4096) == -1 && errno == error));
        }).passed());
  CHECK((os::reserve_file_space(-1, 4096) == -1 && errno == EBADF));
  CHECK((os::set_file_size(-1, 4096) == -1 && errno == EBADF));
}

TEST_CASE("file_space: there is some memory", "[os][file_space]") {
  CHECK(os::total_memory() > std::size_t{16} << 20);
  CHECK(run_with_fault({{SYS_sysinfo, EPERM}}, [] { CHECK(os::total_memory() == SIZE_MAX); }).passed());
}
