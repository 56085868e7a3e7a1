// SPDX-License-Identifier: BSL-1.0
// futex(2) and futex_waitv(2): sleeping until a 32-bit word changes, in private or in shared memory. Words are given by
// their address.
#ifndef TANDEM_OS_FUTEX_HPP
#define TANDEM_OS_FUTEX_HPP

#include <linux/futex.h>  // for FUTEX_WAIT_BITSET, FUTEX_WAKE, FUTEX_BITSET_MATCH_ANY
#include <sys/syscall.h>  // for SYS_futex
#include <time.h>         // for timespec
#include <unistd.h>       // for syscall

#include <cerrno>   // for errno, ENOSYS
#include <climits>  // for INT_MAX
#include <cstdint>  // for uint32_t, uint64_t

#include "tandem/os/clock.hpp"  // for monotonic_ns, to_timespec

namespace tandem::os {

/// Who may wait on a word: `in_process` (its address names it, the cheaper kind) or any process that maps the memory.
enum class futex_scope { in_process, shared };

/// A point on CLOCK_MONOTONIC, in nanoseconds, that is never reached.
inline constexpr std::int64_t no_deadline = INT64_MAX;

/// Sleeps while `word` holds `expected`, at most until `until_ns` (CLOCK_MONOTONIC). Returns 0 when woken; -1 and errno
/// EAGAIN (it held another value), ETIMEDOUT or EINTR. May return early for no reason: callers look at the word again.
/// One system call.
inline int futex_wait(void const* word, std::uint32_t expected, std::int64_t until_ns = no_deadline,
                      futex_scope scope = futex_scope::shared) noexcept {
  int const operation = FUTEX_WAIT_BITSET | (scope == futex_scope::in_process ? FUTEX_PRIVATE_FLAG : 0);
  timespec const until = to_timespec(until_ns < 0 ? 0 : until_ns);
  return static_cast<int>(::syscall(SYS_futex, word, operation, expected, until_ns == no_deadline ? nullptr : &until,
                                    nullptr, FUTEX_BITSET_MATCH_ANY));
}

/// Wakes up to `count` sleepers of `word`; returns how many. One system call.
inline int futex_wake(void const* word, int count = INT_MAX, futex_scope scope = futex_scope::shared) noexcept {
  int const operation = FUTEX_WAKE | (scope == futex_scope::in_process ? FUTEX_PRIVATE_FLAG : 0);
  return static_cast<int>(::syscall(SYS_futex, word, operation, count, nullptr, nullptr, 0));
}

/// A word and what it held when it was looked at; as the kernel takes it (struct futex_waitv).
struct watched_word {
  std::uint64_t expected, address;
  std::uint32_t flags, reserved;

  watched_word() noexcept = default;
  watched_word(void const* word, std::uint32_t held) noexcept
      : expected(held),
        address(reinterpret_cast<std::uint64_t>(word)),
        flags(2),
        reserved(0) {}  // 2: of 32 bits, shared
};
static_assert(sizeof(watched_word) == 24);

/// How many words futex_wait_any takes.
inline constexpr unsigned most_watched_words = 128;

/// Sleeps while each of the `count` words, which are shared, holds what is expected of it, at most until `until_ns`.
/// Returns which one woke it, or -1 and errno as futex_wait. Kernels before 5.16 lack futex_waitv: there it sleeps on
/// the first word in slices of at most one millisecond, and a slice that ran out is a spurious return (-1, EINTR).
/// @pre 1 <= count <= most_watched_words
inline int futex_wait_any(watched_word const* words, unsigned count, std::int64_t until_ns = no_deadline) noexcept {
  constexpr long futex_waitv_number = 449;  // the same on every architecture; glibc 2.34 headers lack the name
  timespec const until = to_timespec(until_ns < 0 ? 0 : until_ns);
  long const woken =
      ::syscall(futex_waitv_number, words, count, 0, until_ns == no_deadline ? nullptr : &until, CLOCK_MONOTONIC);
  if (woken >= 0 || (errno != ENOSYS && errno != EPERM)) return static_cast<int>(woken);

  std::int64_t const slice = monotonic_ns() + 1'000'000;
  auto const first = reinterpret_cast<void const*>(words[0].address);
  if (futex_wait(first, static_cast<std::uint32_t>(words[0].expected), slice < until_ns ? slice : until_ns) == 0)
    return 0;
  if (errno == ETIMEDOUT && slice < until_ns) errno = EINTR;
  return -1;
}

/// futex_wait_any for two words.
inline int futex_wait_either(void const* first, std::uint32_t expected_first, void const* second,
                             std::uint32_t expected_second, std::int64_t until_ns = no_deadline) noexcept {
  watched_word const words[2] = {{first, expected_first}, {second, expected_second}};
  return futex_wait_any(words, 2, until_ns);
}

}  // namespace tandem::os

#endif  // TANDEM_OS_FUTEX_HPP
