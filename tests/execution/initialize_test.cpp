// SPDX-License-Identifier: BSL-1.0
#include "tandem/execution/initialize.hpp"

#include <stdlib.h>
#include <unistd.h>

#include <string>

#include "execution/kinds.hpp"
#include "support/catch.hpp"
#include "tandem/execution/process.hpp"

namespace {

int initialized = 0;
[[maybe_unused]] int const counted = ++initialized;

}  // namespace

TEST_CASE("initialize: a process by start::exec runs the program afresh", "[execution][exec]") {
  initialized = 5;
  CHECK(tandem::process({.start = tandem::start::exec}, [] { return initialized; }).join().value() == 1);
}

TEST_CASE("initialize: the fresh process sees nothing of how it was told to start", "[execution][exec]") {
  auto const found = tandem::process({.start = tandem::start::exec}, [] {
                       return std::string(::getenv("TANDEM_START") == nullptr ? "nothing" : "something");
                     }).join();
  CHECK(found.value() == "nothing");
}

TEST_CASE("initialize: what another process was told is not for this one", "[execution][exec]") {
  std::string const stale(128, '0');
  ::setenv("TANDEM_START", stale.c_str(), 1);
  char name[] = "again";
  char* arguments[] = {name, nullptr};
  tandem::initialize(1, arguments);
  CHECK(::getenv("TANDEM_START") == nullptr);
}

TEST_CASE("initialize: a function of the program is found where it lies now", "[execution][exec]") {
  // With address space randomisation the addresses differ, nearly always.
  static int (*const here)() = [] { return 3; };
  CHECK(tandem::process({.start = tandem::start::exec}, [f = here] { return f(); }).join().value() == 3);
}
