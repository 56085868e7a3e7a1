// SPDX-License-Identifier: BSL-1.0
// make_corpus DIRECTORY: writes the valid inputs of decode_types.hpp as files, for the fuzz target to begin with.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "fuzz/decode_types.hpp"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: make_corpus DIRECTORY\n");
    return 2;
  }
  tandem::set_unobserved_failure_handler([](tandem::failure const&) noexcept {});
  int number = 0;
  for (auto const& input : tandem_test::samples()) {
    char name[32];
    std::snprintf(name, sizeof name, "valid_%02d", number++);
    std::ofstream file{std::filesystem::path{argv[1]} / name, std::ios::binary};
    file.write(reinterpret_cast<char const*>(input.data()), static_cast<std::streamsize>(input.size()));
    if (!file.flush()) {
      std::perror(name);
      return 1;
    }
  }
}
