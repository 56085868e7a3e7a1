// SPDX-License-Identifier: BSL-1.0
#include "tandem/os/close_range.hpp"

#include <fcntl.h>
#include <sys/resource.h>

#include <algorithm>
#include <vector>

#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/syscall_fault.hpp"

namespace os = tandem::os;

namespace {

std::vector<int> open_numbers() {
  std::vector<int> open;
  for (int number = 0; number < 2000; ++number) {
    if (::fcntl(number, F_GETFD) >= 0) open.push_back(number);
  }
  return open;
}

/// Opens many, closes all but some of them and the standard streams, and looks.
void close_most() {
  std::vector<int> kept{0, 1, 2};
  for (int number : {300, 301, 555, 999}) REQUIRE(::dup2(0, number) == number);
  for (int i = 0; i < 100; ++i) {
    int const made = ::dup(0);
    REQUIRE(made >= 0);
    if (i % 30 == 7) kept.push_back(made);
  }
  kept.push_back(555);
  kept.push_back(1500);  // not open
  os::close_all_but(kept);
  kept.pop_back();
  CHECK(open_numbers() == kept);
}

}  // namespace

TEST_CASE("close_range: all are closed but those listed, on any kernel, and without proc(5)", "[os][close_range]") {
  std::vector<std::vector<tandem_test::syscall_fault>> const kernels{
      {}, {{SYS_close_range, ENOSYS}}, {{SYS_close_range, ENOSYS}, {SYS_openat, ENOENT}}};
  for (auto const& lacks : kernels) {
    auto const result = tandem_test::run_in_child([&] {
      rlimit const limit{1024, 4096};
      REQUIRE(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
      if (!lacks.empty()) tandem_test::inject(lacks);
      close_most();
    });
    INFO(lacks.size() << " calls missing: " << result.to_string());
    CHECK(result.passed());
  }
}

TEST_CASE("close_range: a range, and an error where the kernel has none", "[os][close_range]") {
  auto const result = tandem_test::run_in_child([] {
    REQUIRE(::dup2(0, 500) == 500);
    REQUIRE(::dup2(0, 502) == 502);
    if (os::close_range(500, 501) != 0) {
      CHECK(errno == ENOSYS);
      return;
    }
    CHECK(::fcntl(500, F_GETFD) < 0);
    CHECK(::fcntl(502, F_GETFD) >= 0);
    tandem_test::inject({{SYS_close_range, ENOSYS}});
    CHECK(os::close_range(500, 501) == -1);
    CHECK(errno == ENOSYS);
  });
  CHECK(result.passed());
}

TEST_CASE("close_range: a number is what is spelt with digits alone", "[os][close_range]") {
  CHECK(os::descriptor_number("0") == 0);
  CHECK(os::descriptor_number("1024") == 1024);
  for (auto const* none : {"", ".", "..", "1a", "-1", " 1", "99999999999"}) CHECK(os::descriptor_number(none) == -1);
}
