// SPDX-License-Identifier: BSL-1.0
// Who descends from whom, read from /proc. Signals go through pidfds to processes that were seen to descend from the
// one named.
#ifndef TANDEM_TESTS_SUPPORT_PROCESS_TREE_HPP
#define TANDEM_TESTS_SUPPORT_PROCESS_TREE_HPP

#include <sys/types.h>  // for pid_t

#include <string>  // for string
#include <vector>  // for vector

namespace tandem_test {

/// The whole text of a small file, such as those of /proc; empty where it can't be read.
std::string text_of(std::string const& path);

/// The children of `process`, zombies too.
std::vector<pid_t> children_of(pid_t process);

/// The children, theirs, and so on, parents first; without those of `except` and `except` itself.
std::vector<pid_t> descendants_of(pid_t process, pid_t except = 0);

/// The ids of the threads of `process`.
std::vector<pid_t> threads_of(pid_t process);

/// The letter of its state: R running, S sleeping, T stopped, Z zombie, ...; 0 where there is no such process.
char state_of(pid_t process);

/// One line for a person: id, name, state.
std::string describe_process(pid_t process);

/// SIGKILL to all that descend from `process` but `except`, again until nobody but zombies is left.
void kill_descendants_of(pid_t process, pid_t except = 0);

}  // namespace tandem_test

#endif  // TANDEM_TESTS_SUPPORT_PROCESS_TREE_HPP
