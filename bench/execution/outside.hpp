// SPDX-License-Identifier: BSL-1.0
// What a program without tandem does, in a library of its own: in one that has tandem, the functions that a child calls
// between the fork and its end are bound when the program is loaded, which makes a raw fork faster too.
#ifndef TANDEM_BENCH_EXECUTION_OUTSIDE_HPP
#define TANDEM_BENCH_EXECUTION_OUTSIDE_HPP

namespace tandem_bench {

/// fork, _exit(0) in the child, waitid. False where one of them failed.
bool plain_fork_and_wait();

}  // namespace tandem_bench

#endif  // TANDEM_BENCH_EXECUTION_OUTSIDE_HPP
