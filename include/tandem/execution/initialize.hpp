// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_EXECUTION_INITIALIZE_HPP
#define TANDEM_EXECUTION_INITIALIZE_HPP

#include <unistd.h>  // for getpid

#include <cstdlib>  // for getenv, unsetenv
#include <cstring>  // for strlen

#include "tandem/execution/impl/start_exec.hpp"  // for exec_variable, own_program, serve_executed

namespace tandem {

/// To be called at the top of main by a program that starts processes with start::exec. In such a process it serves the
/// start and never returns: nothing of main runs there. In the program itself it notes how it was called, and holds its
/// file, so that it can be run again even if it is replaced or deleted meanwhile.
/// @throws std::bad_alloc; in a process that cannot join its family, what its starter is told as well
/// @par Threads and processes  Before any other thread is started.
inline void initialize(int argc, char** argv) {
  impl::own_program::note(argc, argv);  // who was run afresh may run others
  char const* const value = std::getenv(impl::exec_variable::name);
  if (value != nullptr && std::strlen(value) == impl::exec_variable::length &&
      impl::exec_variable::get(value, impl::exec_variable::version) == 1 &&
      impl::exec_variable::get(value, impl::exec_variable::pid) == static_cast<std::uint64_t>(::getpid()))
    impl::serve_executed(value);
  if (value != nullptr) ::unsetenv(impl::exec_variable::name);  // left over from another process
}

}  // namespace tandem

#endif  // TANDEM_EXECUTION_INITIALIZE_HPP
