// SPDX-License-Identifier: BSL-1.0
#include "tandem/os/surroundings.hpp"

#include <fcntl.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/temp_dir.hpp"

namespace os = tandem::os;
using tandem_test::run_in_child;

TEST_CASE("surroundings: a descriptor is duplicated onto another number", "[os][surroundings]") {
  int const file = ::open("/dev/null", O_RDONLY | O_CLOEXEC), other = ::dup(file);
  CHECK(os::duplicate_onto(file, other) == 0);
  CHECK(::fcntl(other, F_GETFD) == 0);
  CHECK(os::duplicate_onto(file, other, O_CLOEXEC) == 0);
  CHECK(::fcntl(other, F_GETFD) == FD_CLOEXEC);
  CHECK(os::duplicate_onto(file, file) == -1);
  CHECK(errno == EINVAL);
  ::close(other);
  ::close(file);
  CHECK(os::duplicate_onto(file, other) == -1);
  CHECK(errno == EBADF);
}

TEST_CASE("surroundings: what was read ahead is forgotten, the end of the file too", "[os][surroundings]") {
  tandem_test::temp_dir const folder;
  std::ofstream(folder / "a") << "ab";
  std::ofstream(folder / "b") << "cd";
  auto const result = run_in_child([&] {
    REQUIRE(std::freopen((folder / "a").c_str(), "r", stdin) != nullptr);
    CHECK(std::getchar() == 'a');
    int const second = ::open((folder / "b").c_str(), O_RDONLY | O_CLOEXEC);
    CHECK(os::duplicate_onto(second, 0) == 0);
    os::forget_input();
    CHECK(std::getchar() == 'c');
    CHECK(std::getchar() == 'd');
    CHECK(std::getchar() == EOF);
    CHECK(std::feof(stdin) != 0);
    os::forget_input();
    CHECK(std::feof(stdin) == 0);
  });
  CHECK(result.passed());
}

TEST_CASE("surroundings: environment, directory and stack limit are the process's", "[os][surroundings]") {
  tandem_test::temp_dir const folder;
  auto const result = run_in_child([&] {
    static char entry[] = "ONLY=one";
    static char* strings[] = {entry, nullptr};
    os::set_environment(strings);
    CHECK(std::string(std::getenv("ONLY")) == "one");
    CHECK(std::getenv("PATH") == nullptr);
    CHECK(os::change_directory(folder.path().c_str()) == 0);
    CHECK(std::filesystem::equivalent(std::filesystem::current_path(), folder.path()));
    CHECK(os::change_directory("/nowhere/at/all") == -1);
    CHECK(errno == ENOENT);
    CHECK(os::set_stack_limit(1 << 20) == 0);
    CHECK(os::stack_limit() == 1 << 20);
    rlimit const hard{1 << 20, 1 << 20};
    REQUIRE(::setrlimit(RLIMIT_STACK, &hard) == 0);
    CHECK(os::set_stack_limit(2 << 20) == -1);
    CHECK(errno == EINVAL);
  });
  INFO(result.to_string());
  CHECK(result.passed());
  CHECK(os::least_stack() >= 16384);
}
