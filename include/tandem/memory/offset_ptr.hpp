// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_MEMORY_OFFSET_PTR_HPP
#define TANDEM_MEMORY_OFFSET_PTR_HPP

#include <compare>      // for strong_ordering
#include <cstddef>      // for nullptr_t, ptrdiff_t
#include <cstdint>      // for intptr_t, uintptr_t
#include <iterator>     // for random_access_iterator_tag
#include <memory>       // for addressof, hash
#include <type_traits>  // for add_lvalue_reference_t, is_convertible_v, remove_cv_t

#include "tandem/config.hpp"          // for TANDEM_PRECONDITION
#include "tandem/core/shareable.hpp"  // for enable_shareable

namespace tandem {

/// A pointer that says how far away what it points to is, so that it is right wherever the memory that holds both is
/// mapped: for what lies in a mapping or a named heap, which each program has at an address of its own. A random-access
/// iterator, and a fancy pointer as std::pointer_traits wants it.
///
/// To copy its bytes (std::memcpy) is wrong, for the distance changes with the place; to copy the pointer is right.
/// @pre What it points to lies in the same mapping as itself, or it points to nothing.
/// @par Shared memory          Yes, that is what it is for.
/// @par Threads and processes  A value: reads may be concurrent.
/// @par Peer death             A single word: whole, whenever its writer dies.
template <class T> class offset_ptr {
 public:
  using element_type = T;
  using value_type = std::remove_cv_t<T>;
  using difference_type = std::ptrdiff_t;
  using pointer = T*;
  using reference = std::add_lvalue_reference_t<T>;
  using iterator_category = std::random_access_iterator_tag;
  template <class U> using rebind = offset_ptr<U>;

  constexpr offset_ptr() noexcept = default;
  constexpr offset_ptr(std::nullptr_t) noexcept {}
  offset_ptr(T* to) noexcept { set(to); }
  offset_ptr(offset_ptr const& other) noexcept { set(other.get()); }
  template <class U>
    requires std::is_convertible_v<U*, T*> offset_ptr(offset_ptr<U> const& other)
  noexcept { set(other.get()); }
  /// As static_cast of raw pointers. @pre other points to a T
  template <class U>
    requires(!std::is_convertible_v<U*, T*> && requires(U * other) { static_cast<T*>(other); })
  explicit offset_ptr(offset_ptr<U> const& other) noexcept { set(static_cast<T*>(other.get())); }

  offset_ptr& operator=(offset_ptr const& other) noexcept {
    set(other.get());
    return *this;
  }
  offset_ptr& operator=(T* to) noexcept {
    set(to);
    return *this;
  }

  /// The address here and now.
  T* get() const noexcept {
    return distance_ == none
               ? nullptr
               : reinterpret_cast<T*>(reinterpret_cast<std::uintptr_t>(this) + static_cast<std::uintptr_t>(distance_));
  }

  template <class U = T> std::add_lvalue_reference_t<U> operator*() const noexcept {
    TANDEM_PRECONDITION(distance_ != none, "tandem::offset_ptr: it points to nothing");
    return *get();
  }
  T* operator->() const noexcept { return get(); }
  template <class U = T> std::add_lvalue_reference_t<U> operator[](std::ptrdiff_t index) const noexcept {
    return get()[index];
  }
  explicit operator bool() const noexcept { return distance_ != none; }

  template <class U = T> static offset_ptr pointer_to(U& object) noexcept { return offset_ptr(std::addressof(object)); }

  offset_ptr& operator+=(std::ptrdiff_t count) noexcept { return *this = get() + count; }
  offset_ptr& operator-=(std::ptrdiff_t count) noexcept { return *this = get() - count; }
  offset_ptr& operator++() noexcept { return *this += 1; }
  offset_ptr& operator--() noexcept { return *this -= 1; }
  offset_ptr operator++(int) noexcept {
    offset_ptr const before(*this);
    ++*this;
    return before;
  }
  offset_ptr operator--(int) noexcept {
    offset_ptr const before(*this);
    --*this;
    return before;
  }
  friend offset_ptr operator+(offset_ptr const& from, std::ptrdiff_t count) noexcept { return from.get() + count; }
  friend offset_ptr operator+(std::ptrdiff_t count, offset_ptr const& from) noexcept { return from.get() + count; }
  friend offset_ptr operator-(offset_ptr const& from, std::ptrdiff_t count) noexcept { return from.get() - count; }
  friend std::ptrdiff_t operator-(offset_ptr const& to, offset_ptr const& from) noexcept {
    return to.get() - from.get();
  }

  friend bool operator==(offset_ptr const& a, offset_ptr const& b) noexcept { return a.get() == b.get(); }
  friend bool operator==(offset_ptr const& a, std::nullptr_t) noexcept { return !a; }
  friend auto operator<=>(offset_ptr const& a, offset_ptr const& b) noexcept {
    return std::compare_three_way{}(a.get(), b.get());
  }

 private:
  static constexpr std::intptr_t none = 1;  // nothing that is pointed to lies one byte behind its pointer

  void set(T* to) noexcept {
    distance_ =
        to == nullptr
            ? none
            : static_cast<std::intptr_t>(reinterpret_cast<std::uintptr_t>(to) - reinterpret_cast<std::uintptr_t>(this));
  }

  std::intptr_t distance_ = none;
};

/// Whatever it points to lies beside it.
template <class T> inline constexpr bool enable_shareable<offset_ptr<T>> = true;

}  // namespace tandem

/// As the address that it means here.
template <class T> struct std::hash<tandem::offset_ptr<T>> {
  std::size_t operator()(tandem::offset_ptr<T> const& pointer) const noexcept { return std::hash<T*>{}(pointer.get()); }
};

#endif  // TANDEM_MEMORY_OFFSET_PTR_HPP
