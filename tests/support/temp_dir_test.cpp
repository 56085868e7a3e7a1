// SPDX-License-Identifier: BSL-1.0
#include "support/temp_dir.hpp"

#include <fstream>

#include "support/catch.hpp"
#include "support/child.hpp"

using tandem_test::temp_dir;

TEST_CASE("temp_dir: a fresh, empty folder, gone with its scope", "[support][temp_dir]") {
  std::filesystem::path path;
  {
    temp_dir const folder;
    path = folder.path();
    CHECK(std::filesystem::is_empty(path));
    std::ofstream(folder / "file") << "text";
    std::filesystem::create_directories(folder / "a" / "b");
  }
  CHECK_FALSE(std::filesystem::exists(path));
}

TEST_CASE("temp_dir: a forked child does not take it away", "[support][temp_dir]") {
  temp_dir folder;
  auto const end = tandem_test::run_in_child([&] { folder.~temp_dir(); });
  CHECK(end.passed());
  CHECK(std::filesystem::exists(folder.path()));
}

TEST_CASE("temp_dir: unique names differ", "[support][temp_dir]") {
  CHECK(tandem_test::unique_name("x") != tandem_test::unique_name("x"));
}
