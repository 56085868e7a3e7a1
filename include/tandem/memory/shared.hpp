// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_MEMORY_SHARED_HPP
#define TANDEM_MEMORY_SHARED_HPP

#include <cstddef>      // for byte, ptrdiff_t, size_t
#include <cstdint>      // for uint32_t, uint64_t
#include <memory>       // for addressof
#include <new>          // for placement new
#include <type_traits>  // for is_same_v, remove_cvref_t
#include <utility>      // for forward, move, swap

#include "tandem/config.hpp"                       // for TANDEM_PRECONDITION
#include "tandem/core/codec.hpp"                   // for codec, reader, writer
#include "tandem/core/errors.hpp"                  // for throw_errc
#include "tandem/core/impl/require_shareable.hpp"  // for require_shareable
#include "tandem/memory/impl/counted.hpp"          // for counted
#include "tandem/memory/impl/objects.hpp"          // for hold

namespace tandem {

namespace impl {
struct shared_access;
}

/// A counted handle to an object in the commons, where every process of the family sees the same one. `shared<T>` makes
/// it a T, `shared<T[]>` an array; `shared<T, Whole>` is a handle to a T that is a part of a `Whole`, and keeps that
/// alive.
template <class T, class Whole = T> class shared;
template <class T> class shared<T[], T[]>;  // in shared_array.hpp

/// A counted handle to a `T` that lives in the commons, where every process of the family sees the same one. A copy is
/// one more handle to the same T; the last living holder destroys it. What changes it must synchronise, as among
/// threads: make it a std::atomic, or give it a mutex.
///
/// Like a pointer, a const handle gives access to a T that is not const. A handle is never null, but for one that was
/// moved from.
/// @par Shared memory          The T does; the handle itself belongs to its process. To put a handle into an argument,
/// a result or a closure makes the receiver a
///                             holder. A handle seen through a captured reference does not: there the T lives only as
///                             long as its owner's handle does.
/// @par Threads and processes  As std::shared_ptr: different handles may be used at once, one handle only with care;
/// copies cost one atomic operation, and a
///                             process's first handle two more.
/// @par Peer death             What a dead process held is given back when its death is known. If nobody else holds the
/// T, its memory is freed and its destructor
///                             does not run, since its last holder may have died in the middle of changing it.
template <class T> class shared<T, T> {
 public:
  using element_type = T;

  /// Makes a T in the commons from `arguments`. @throws std::bad_alloc where the commons are full, and what T's
  /// constructor throws
  template <class... A>
    requires(sizeof...(A) != 1 || (!std::is_same_v<std::remove_cvref_t<A>, shared> && ...))
  explicit shared(A&&... arguments)
      : counted_(sizeof(T), [&](std::byte* block) { ::new (block) T(std::forward<A>(arguments)...); }) {
    impl::require_shareable<T>();
  }

  /// One more handle to the same T. @throws std::system_error (identifier_removed) if T is no more, which only a handle
  /// seen through a reference can meet
  shared(shared const& other) = default;
  shared(shared&& other) = default;  // throws where `other` is on its way into another process, as a copy does
  shared& operator=(shared const& other) = default;
  shared& operator=(shared&& other) noexcept = default;

  T& operator*() const noexcept {
    TANDEM_PRECONDITION(counted_, "tandem::shared: use of a handle that was moved from");
    return *get();
  }
  T* operator->() const noexcept { return &**this; }
  T* get() const noexcept { return reinterpret_cast<T*>(counted_.block()); }

  /// How many handles there are, in all processes. Exact only if no other thread or process makes or destroys one
  /// meanwhile.
  std::uint64_t use_count() const noexcept { return counted_.use_count(); }

  void swap(shared& other) noexcept { counted_.swap(other.counted_); }
  friend void swap(shared& a, shared& b) noexcept { a.swap(b); }

  /// Whether both are handles to the same T.
  friend bool operator==(shared const& a, shared const& b) noexcept { return a.get() == b.get(); }

 private:
  friend struct impl::shared_access;

  explicit shared(impl::counted<T> held) : counted_(std::move(held)) {}

  impl::counted<T> counted_;
};

/// A counted handle to a part of a shared object: a member, an element, or whatever else lies within it. It keeps all
/// of `Whole` alive, and is what std::shared_ptr's aliasing constructor makes, but for its type, which says whose
/// destructor the last holder runs.
/// @par Shared memory          As shared<Whole>.
/// @par Threads and processes  As shared<Whole>.
/// @par Peer death             As shared<Whole>.
template <class T, class Whole> class shared {
 public:
  using element_type = T;

  /// A handle to `part`. @pre `part` lies within the object of `whole`, which was not moved from
  template <class Other> shared(shared<Other, Whole> const& whole, T* part);
  /// A handle to a member.
  template <class Class>
  shared(shared<Class, Whole> const& whole, T Class::*member) : shared(whole, std::addressof((*whole).*member)) {}

  shared(shared const& other) = default;
  shared(shared&& other) = default;
  shared& operator=(shared const& other) = default;
  shared& operator=(shared&& other) noexcept {
    swap(other);
    return *this;
  }

  T& operator*() const noexcept {
    TANDEM_PRECONDITION(counted_, "tandem::shared: use of a handle that was moved from");
    return *part_;
  }
  T* operator->() const noexcept { return &**this; }
  T* get() const noexcept { return counted_ ? part_ : nullptr; }

  /// How many handles there are to the whole, and to parts of it.
  std::uint64_t use_count() const noexcept { return counted_.use_count(); }

  void swap(shared& other) noexcept {
    counted_.swap(other.counted_);
    std::swap(part_, other.part_);
  }
  friend void swap(shared& a, shared& b) noexcept { a.swap(b); }

  friend bool operator==(shared const& a, shared const& b) noexcept { return a.get() == b.get(); }

 private:
  friend struct impl::shared_access;

  shared(impl::counted<Whole> held, T* part) : counted_(std::move(held)), part_(part) {}

  impl::counted<Whole> counted_;
  T* part_;
};

template <class T, class Other, class Whole> shared(shared<Other, Whole> const&, T*) -> shared<T, Whole>;
template <class T, class Class, class Whole> shared(shared<Class, Whole> const&, T Class::*) -> shared<T, Whole>;

namespace impl {

/// For who keeps a hold without a handle, and for the other kinds of handles.
struct shared_access {
  /// A handle to nothing, as one that was moved from.
  template <class T> static shared<T> nothing() noexcept { return shared<T>(counted<T>()); }

  /// A handle that is `receiver`'s, which is about to start: this process's copy of it gives nothing up.
  template <class T> static shared<T> for_process(shared<T> const& ours, token receiver) {
    return shared<T>(counted<T>(ours.counted_.block(), ours.counted_.hold_for(receiver)));
  }

  /// A handle made of an object's address and a hold on it that is this process's already.
  template <class T> static shared<T> adopt(T* object, hold held) noexcept {
    return shared<T>(counted<T>(reinterpret_cast<std::byte*>(object), held));
  }

  /// The hold of a handle, for who gives it up without one.
  template <class T> static hold of(shared<T> const& handle) noexcept { return handle.counted_.held(); }

  template <class T, class Whole> static counted<Whole> const& counted_of(shared<T, Whole> const& handle) noexcept {
    return handle.counted_;
  }
  template <class Whole> static shared<Whole> whole(counted<Whole> held) { return shared<Whole>(std::move(held)); }
  template <class T, class Whole> static shared<T, Whole> part(counted<Whole> held, T* at) {
    return shared<T, Whole>(std::move(held), at);
  }
};

/// What travels of a handle.
template <class Whole> std::uint32_t send_shared(counted<Whole> const& held) {
  TANDEM_PRECONDITION(held, "tandem::shared: a handle that was moved from cannot travel");
  return held.send();
}

}  // namespace impl

template <class T, class Whole>
template <class Other>
shared<T, Whole>::shared(shared<Other, Whole> const& whole, T* part)
    : counted_(impl::shared_access::counted_of(whole)), part_(part) {
  [[maybe_unused]] auto const at = reinterpret_cast<std::uintptr_t>(part),
                              block = reinterpret_cast<std::uintptr_t>(counted_.block());
  TANDEM_PRECONDITION(counted_ && at >= block && sizeof(T) <= impl::block_of<Whole>::bytes(counted_.block()) &&
                          at - block <= impl::block_of<Whole>::bytes(counted_.block()) - sizeof(T),
                      "tandem::shared: a part that does not lie within its whole");
}

/// A handle travels as the number of its object: the receiver becomes a holder of its own. The sender's stays until the
/// receiver has taken its own, or until the sender's end is known.
template <class T> struct codec<shared<T, T>> {
  static constexpr std::size_t least_size = sizeof(std::uint32_t);
  static constexpr bool carries_descriptors = false;

  static void encode(writer& to, shared<T> const& value) {
    to.write_flat(impl::send_shared(impl::shared_access::counted_of(value)));
  }
  static shared<T> decode(reader& from) {
    return impl::shared_access::whole(impl::counted<T>::receive(from.template read_flat<std::uint32_t>()));
  }
};

/// A part travels with its place in the whole.
template <class T, class Whole> struct codec<shared<T, Whole>> {
  static constexpr std::size_t least_size = sizeof(std::uint32_t) + sizeof(std::uint64_t);
  static constexpr bool carries_descriptors = false;

  static void encode(writer& to, shared<T, Whole> const& value) {
    auto const& counted = impl::shared_access::counted_of(value);
    to.write_flat(impl::send_shared(counted));
    to.write_flat(static_cast<std::uint64_t>(reinterpret_cast<std::byte*>(value.get()) - counted.block()));
  }
  static shared<T, Whole> decode(reader& from) {
    auto held = impl::counted<Whole>::receive(from.template read_flat<std::uint32_t>());
    auto const at = from.template read_flat<std::uint64_t>();
    std::size_t const bytes = impl::block_of<Whole>::bytes(held.block());
    if (at % alignof(T) != 0 || bytes < sizeof(T) || at > bytes - sizeof(T))
      throw_errc(std::errc::bad_message, "decode", "a part that does not lie within its shared object");
    auto* const part = reinterpret_cast<T*>(held.block() + at);
    return impl::shared_access::part(std::move(held), part);
  }
};

}  // namespace tandem

#endif  // TANDEM_MEMORY_SHARED_HPP
