// SPDX-License-Identifier: BSL-1.0
// The ledger with a process-shared mutex of pthread that is robust: to see what tandem's is for.
#include "program.hpp"
#include "pthread_mutex.hpp"

int main(int argc, char** argv) {
  return ledger::main<ledger::pthread_mutex<true>>(
      "ledger_robust", "The ledger with a process-shared mutex of pthread that is robust.", argc, argv);
}
