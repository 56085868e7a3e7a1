// SPDX-License-Identifier: BSL-1.0
// Moves money between accounts with workers that are threads or processes, while a reaper ends some of them at random:
// nothing is lost, and nobody waits for the dead.
#include <tandem/tandem.hpp>

#include "program.hpp"

int main(int argc, char** argv) {
  return ledger::main<tandem::mutex>(
      "ledger",
      "Moves money between accounts, while a reaper ends workers at random. Each account has a tandem::mutex.", argc,
      argv);
}
