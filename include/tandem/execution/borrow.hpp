// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_EXECUTION_BORROW_HPP
#define TANDEM_EXECUTION_BORROW_HPP

#include <memory>  // for addressof

#include "tandem/core/impl/kinds.hpp"  // for never

namespace tandem {

/// An argument that gives a unit read-only access to the caller's object: made by `borrow`. The workload receives a `T
/// const&`.
/// @par Shared memory          No: it is the address of an object of one process.
/// @par Threads and processes  In a thread it is the caller's object itself; in a forked process a copy-on-write
/// snapshot of it as it was at the start.
/// @par Peer death             Not concerned.
template <class T> class borrowed {
 public:
  using type = T;
  explicit borrowed(T const& object) noexcept : object_(std::addressof(object)) {}
  T const& get() const noexcept { return *object_; }
  operator T const&() const noexcept { return *object_; }

 private:
  T const* object_;
};

/// Lends `object` to a unit without copying it. @pre it lives, and is not changed, until the unit has ended
template <class T> borrowed<T> borrow(T const& object) noexcept { return borrowed<T>(object); }
template <class T> borrowed<T> borrow(T const&&) {
  static_assert(impl::never<T>,
                "tandem: a temporary would be gone before the unit has ended: give it a name and borrow that, or pass "
                "it by value");
}

}  // namespace tandem

#endif  // TANDEM_EXECUTION_BORROW_HPP
