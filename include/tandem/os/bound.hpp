// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_OS_BOUND_HPP
#define TANDEM_OS_BOUND_HPP

namespace tandem::os {

/// `function` itself, for a call that does not look it up. A program that is linked lazily, as most are, searches a
/// library's function at its first call by name; what a child calls between a fork and its end would be searched in
/// each child anew, at a dozen page faults. The address taken is bound when the program is loaded (ld.so(8)).
template <class F> F* bound(F* function) noexcept {
  asm("" : "+r"(function));  // or the compiler would see through the address, and call by name
  return function;
}

}  // namespace tandem::os

#endif  // TANDEM_OS_BOUND_HPP
