// SPDX-License-Identifier: BSL-1.0
// The ledger with a process-shared mutex of pthread that says nothing of its owner's death: to see what tandem's is
// for.
#include "program.hpp"
#include "pthread_mutex.hpp"

int main(int argc, char** argv) {
  return ledger::main<ledger::pthread_mutex<false>>(
      "ledger_pthread", "The ledger with a process-shared mutex of pthread that says nothing of its owner's death.",
      argc, argv);
}
