// SPDX-License-Identifier: BSL-1.0
// What the compiler and the platform must offer, and the few macros of the library. None of them changes a layout in
// shared memory.
#ifndef TANDEM_CONFIG_HPP
#define TANDEM_CONFIG_HPP

#include <cstdio>   // for fputs
#include <cstdlib>  // for abort

#include "tandem/version.hpp"

#if !defined(__linux__) || !defined(__GLIBC__) || !(defined(__x86_64__) || defined(__aarch64__))
#error "tandem needs Linux on x86-64 or AArch64 with glibc."
#endif
#if __cplusplus < 202002L
#error "tandem needs C++20: compile with -std=c++20 or later."
#endif

/// Keeps a slow path, or a frame whose address matters, out of its caller.
#define TANDEM_NOINLINE [[gnu::noinline]]

/// For functions that read memory which a sanitizer would rightly forbid to user code: other frames of the stack, for
/// one.
#define TANDEM_NO_SANITIZE __attribute__((no_sanitize("address", "thread", "undefined")))

/// Zeroes the padding of a variable, where the compiler can: stale bytes there could look like a pointer.
#if defined(__has_builtin)
#if __has_builtin(__builtin_clear_padding)
#define TANDEM_CLEAR_PADDING(variable) __builtin_clear_padding(__builtin_addressof(variable))
#endif
#endif
#ifndef TANDEM_CLEAR_PADDING
#define TANDEM_CLEAR_PADDING(variable) static_cast<void>(variable)
#endif

/// 1 where preconditions are checked: in debug builds, unless set by the user.
#ifndef TANDEM_CHECKED
#ifdef NDEBUG
#define TANDEM_CHECKED 0
#else
#define TANDEM_CHECKED 1
#endif
#endif

namespace tandem::impl {

/// Ends the program with `sentence` on stderr: a caller has broken a precondition, so no state can be relied upon.
[[noreturn]] TANDEM_NOINLINE inline void precondition_failed(char const* sentence) noexcept {
  std::fputs(sentence, stderr);
  std::fputc('\n', stderr);
  std::abort();
}

}  // namespace tandem::impl

/// Stops with `sentence` where `condition` does not hold, in checked builds only.
#if TANDEM_CHECKED
#define TANDEM_PRECONDITION(condition, sentence) ((condition) ? void() : ::tandem::impl::precondition_failed(sentence))
#else
#define TANDEM_PRECONDITION(condition, sentence) void()
#endif

#endif  // TANDEM_CONFIG_HPP
