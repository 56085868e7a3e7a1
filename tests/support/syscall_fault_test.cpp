// SPDX-License-Identifier: BSL-1.0
#include "support/syscall_fault.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>
#include <thread>

#include "support/catch.hpp"

using tandem_test::run_with_fault;

TEST_CASE("syscall_fault: the call fails as told, others don't", "[support][syscall_fault]") {
  auto const end = run_with_fault({{SYS_getppid, ENOSYS}, {SYS_pidfd_open, EPERM}}, [] {
    CHECK(::syscall(SYS_getppid) == -1);
    CHECK(errno == ENOSYS);
    CHECK(::syscall(SYS_pidfd_open, ::getpid(), 0) == -1);
    CHECK(errno == EPERM);
    CHECK(::getpid() > 0);
  });
  INFO(end.to_string());
  CHECK(end.passed());
}

TEST_CASE("syscall_fault: only calls with the argument named fail", "[support][syscall_fault]") {
  auto const end = run_with_fault(
      {{SYS_memfd_create, EINVAL, {{.index = 1, .mask = MFD_ALLOW_SEALING, .value = MFD_ALLOW_SEALING}}}}, [] {
        CHECK(::memfd_create("sealed", MFD_CLOEXEC | MFD_ALLOW_SEALING) == -1);
        CHECK(errno == EINVAL);
        CHECK(::memfd_create("plain", MFD_CLOEXEC) >= 0);
      });
  INFO(end.to_string());
  CHECK(end.passed());
}

TEST_CASE("syscall_fault: threads and children of the body have the faults too", "[support][syscall_fault]") {
  auto const end = run_with_fault({{SYS_getppid, ENOSYS}}, [] {
    long in_thread = 0;
    std::thread([&] { in_thread = ::syscall(SYS_getppid); }).join();
    CHECK(in_thread == -1);
    CHECK(tandem_test::run_in_child([] { CHECK(::syscall(SYS_getppid) == -1); }).passed());
  });
  INFO(end.to_string());
  CHECK(end.passed());
}

TEST_CASE("syscall_fault: this process is as before", "[support][syscall_fault]") { CHECK(::syscall(SYS_getppid) > 0); }

TEST_CASE("syscall_fault: faults can be written as words", "[support][syscall_fault]") {
  auto const faults = tandem_test::faults_from_string("clone3=ENOSYS,pidfd_open=EPERM");
  REQUIRE(faults.size() == 2);
  CHECK(faults[0].number == SYS_clone3);
  CHECK(faults[0].error == ENOSYS);
  CHECK(faults[1].number == SYS_pidfd_open);
  CHECK(faults[1].error == EPERM);
  CHECK(tandem_test::faults_from_string("").empty());
  CHECK_THROWS_AS(tandem_test::faults_from_string("clone3"), std::invalid_argument);
  CHECK_THROWS_AS(tandem_test::faults_from_string("clone9=ENOSYS"), std::invalid_argument);
  CHECK_THROWS_AS(tandem_test::faults_from_string("clone3=EWHAT"), std::invalid_argument);
}

TEST_CASE("syscall_fault: as on Linux 5.4", "[support][syscall_fault]") {
  auto const end = run_with_fault(tandem_test::faults_from_string("kernel-5.4"), [] {
    CHECK(::syscall(SYS_close_range, ~0U, ~0U, 0) == -1);
    CHECK(errno == ENOSYS);
    CHECK(::memfd_create("sealed", MFD_CLOEXEC | 8) == -1);
    CHECK(errno == EINVAL);
    CHECK(::memfd_create("plain", MFD_CLOEXEC) >= 0);
  });
  INFO(end.to_string());
  CHECK(end.passed());
}
