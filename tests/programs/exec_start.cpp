// SPDX-License-Identifier: BSL-1.0
// start::exec, where main has not asked for it yet, where it has, and where the program's file is gone.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <system_error>

#include "tandem/tandem.hpp"

int main(int argc, char** argv) {
  if (argc == 1 && std::getenv("TANDEM_START") == nullptr) {
    try {
      tandem::process forgetful{{.name = "forgetful", .start = tandem::start::exec}, [] {}};
      std::printf("started\n");
    } catch (std::system_error const& error) {
      bool const says_what_to_do =
          std::string(error.what()).find("tandem::initialize(argc, argv)") != std::string::npos;
      std::printf("refused, %s\n", says_what_to_do ? "and says what to do" : error.what());
    }
  }
  tandem::initialize(argc, argv);
  tandem::process worker{{.start = tandem::start::exec}, [](int n) { return n + 1; }, 41};
  std::printf("worker: %d\n", worker.join().value());

  std::string path(4096, '\0');
  path.resize(static_cast<std::size_t>(::readlink("/proc/self/exe", path.data(), path.size())));
  ::unlink(path.c_str());
  tandem::process from_nowhere{{.start = tandem::start::exec}, [] { return 7; }};
  std::printf("without its file: %d\n", from_nowhere.join().value());
}
// refused, and says what to do
// worker: 42
// without its file: 7
