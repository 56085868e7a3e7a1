// SPDX-License-Identifier: BSL-1.0
// The main function of every test binary.
#define CATCH_CONFIG_RUNNER
#include "support/catch.hpp"

int main(int argc, char** argv) { return Catch::Session().run(argc, argv); }
