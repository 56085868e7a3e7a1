// SPDX-License-Identifier: BSL-1.0
#include "execution/outside.hpp"

#include <sys/wait.h>  // for waitid
#include <unistd.h>    // for _exit, fork

bool tandem_bench::plain_fork_and_wait() {
  pid_t const child = ::fork();
  if (child == 0) ::_exit(0);
  if (child < 0) return false;
  siginfo_t info{};
  return ::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED) == 0 && info.si_code == CLD_EXITED &&
         info.si_status == 0;
}
