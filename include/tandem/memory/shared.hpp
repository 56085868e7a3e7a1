// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_MEMORY_SHARED_HPP
#define TANDEM_MEMORY_SHARED_HPP

#include <cstddef>       // for byte
#include <cstdint>       // for uint32_t, uint64_t
#include <new>           // for placement new
#include <string_view>   // for string_view
#include <system_error>  // for errc, make_error_code, system_error
#include <type_traits>   // for is_nothrow_constructible_v, remove_cvref_t
#include <utility>       // for exchange, forward

#include "tandem/config.hpp"                       // for TANDEM_PRECONDITION
#include "tandem/core/codec.hpp"                   // for codec, reader, writer
#include "tandem/core/impl/require_shareable.hpp"  // for require_shareable
#include "tandem/memory/commons.hpp"               // for commons
#include "tandem/memory/impl/members.hpp"          // for members
#include "tandem/memory/impl/objects.hpp"          // for hold, objects
#include "tandem/memory/impl/travel.hpp"           // for travelling_to

namespace tandem {

namespace impl {
struct shared_access;
}

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
template <class T> class shared {
 public:
  using element_type = T;

  /// Makes a T in the commons from `arguments`. @throws std::bad_alloc where the commons are full, and what T's
  /// constructor throws
  template <class... A>
    requires(sizeof...(A) != 1 || (!std::is_same_v<std::remove_cvref_t<A>, shared> && ...))
  explicit shared(A&&... arguments) {
    impl::require_shareable<T>();
    held_ = impl::objects::begin(fingerprint(), impl::members::self());
    void* block = nullptr;
    try {
      block = commons().allocate(sizeof(T), alignof(T));
      impl::objects::set_address(held_.object, block);
      object_ = ::new (block) T(std::forward<A>(arguments)...);
    } catch (...) {
      impl::objects::abandon(held_, impl::members::self());
      if (block != nullptr) commons().deallocate(block);
      throw;
    }
    impl::objects::publish(held_);
  }

  /// One more handle to the same T. @throws std::system_error (identifier_removed) if T is no more, which only a handle
  /// seen through a reference can meet
  shared(shared const& other) : object_(other.object_) {
    if (other.held_.object != 0) held_ = take(other.held_);
  }

  shared(shared&& other) : object_(other.object_) {
    if (other.held_.object == 0) return;
    if (impl::travelling_to == 0) {
      held_ = std::exchange(other.held_, {});
      other.object_ = nullptr;
    } else {
      held_ = take(other.held_);  // for the process that is being started; ours is given up
      other.give_up();
    }
  }

  shared& operator=(shared const& other) {
    if (this != &other) {
      shared copy(other);
      swap(copy);
    }
    return *this;
  }

  shared& operator=(shared&& other) noexcept {
    swap(other);
    return *this;
  }

  ~shared() { give_up(); }

  T& operator*() const noexcept {
    TANDEM_PRECONDITION(object_ != nullptr, "tandem::shared: use of a handle that was moved from");
    return *object_;
  }
  T* operator->() const noexcept { return &**this; }
  T* get() const noexcept { return object_; }

  /// How many handles there are, in all processes. Exact only if no other thread or process makes or destroys one
  /// meanwhile.
  std::uint64_t use_count() const noexcept { return held_.object == 0 ? 0 : impl::objects::count(held_.object); }

  void swap(shared& other) noexcept {
    std::swap(object_, other.object_);
    std::swap(held_, other.held_);
  }
  friend void swap(shared& a, shared& b) noexcept { a.swap(b); }

  /// Whether both are handles to the same T.
  friend bool operator==(shared const& a, shared const& b) noexcept { return a.object_ == b.object_; }

 private:
  friend struct codec<shared<T>>;
  friend struct impl::shared_access;
  struct adopted {};

  shared(adopted, T* object, impl::hold held) noexcept : object_(object), held_(held) {}

  /// Tells types apart in a table that others can write: a hash of the type's name.
  static constexpr std::uint32_t fingerprint() noexcept {
    std::uint32_t hash = 2166136261U;
    for (char const letter : std::string_view(__PRETTY_FUNCTION__))
      hash = (hash ^ static_cast<unsigned char>(letter)) * 16777619U;
    return hash | 2U;
  }

  static impl::hold take(impl::hold near) {
    impl::hold taken;
    if (!impl::objects::take(near, token_of_holder(), taken)) gone();
    return taken;
  }

  static impl::token token_of_holder() {
    return impl::travelling_to != 0 ? impl::travelling_to : impl::members::self();
  }

  [[noreturn]] static void gone() {
    throw std::system_error(std::make_error_code(std::errc::identifier_removed),
                            "tandem: copy a shared object: its last holder has let it go");
  }

  void give_up() noexcept {
    if (held_.object == 0) return;
    std::uint32_t const index = held_.object;
    if (impl::objects::drop(held_, impl::members::self(), impl::travelling_to)) {
      object_->~T();
      if (void* const block = impl::objects::take_block(index)) commons().deallocate(block);
      impl::objects::end(index);
    }
    held_ = {};
    object_ = nullptr;
  }

  T* object_ = nullptr;
  impl::hold held_;
};

namespace impl {

/// For who keeps a hold without a handle.
struct shared_access {
  /// A handle to nothing, as one that was moved from.
  template <class T> static shared<T> nothing() noexcept {
    return shared<T>(typename shared<T>::adopted{}, nullptr, {});
  }

  /// A handle that is `receiver`'s, which is about to start: this process's copy of it gives nothing up.
  template <class T> static shared<T> for_process(shared<T> const& ours, token receiver) {
    hold theirs;
    if (!objects::take(ours.held_, receiver, theirs)) shared<T>::gone();
    return shared<T>(typename shared<T>::adopted{}, ours.object_, theirs);
  }

  /// A handle made of an object's address and a hold on it that is this process's already.
  template <class T> static shared<T> adopt(T* object, hold held) noexcept {
    return shared<T>(typename shared<T>::adopted{}, object, held);
  }

  /// The hold of a handle, for who gives it up without one.
  template <class T> static hold of(shared<T> const& handle) noexcept { return handle.held_; }
};

}  // namespace impl

/// A handle travels as the number of its object: the receiver becomes a holder of its own. The sender's stays until the
/// receiver has taken its own, or until the sender's end is known.
template <class T> struct codec<shared<T>> {
  static constexpr std::size_t least_size = sizeof(std::uint32_t);
  static constexpr bool carries_descriptors = false;

  static void encode(writer& to, shared<T> const& value) {
    TANDEM_PRECONDITION(value.held_.object != 0, "tandem::shared: a handle that was moved from cannot travel");
    shared<T>::take(
        value.held_);  // kept in the sender's name for the receiver's sake: given back when the sender's end is known
    to.write_flat(value.held_.object);
  }

  static shared<T> decode(reader& from) {
    auto const index = from.template read_flat<std::uint32_t>();
    impl::region const& all = impl::family();
    impl::hold taken;
    if (index == 0 || index >= all.objects ||
        impl::objects::at(index).type.load(std::memory_order_relaxed) != shared<T>::fingerprint() ||
        !impl::objects::take({index, index * 8}, impl::members::self(), taken)) {
      throw std::system_error(std::make_error_code(std::errc::bad_message), "tandem: decode: no such shared object");
    }
    auto const offset = impl::objects::at(index).block.load(std::memory_order_acquire);
    auto* const object = reinterpret_cast<T*>(all.address(offset));
    if (offset % alignof(T) != 0 || offset > all.heap_bytes - sizeof(T) || !commons().owns(object)) {
      throw std::system_error(std::make_error_code(std::errc::bad_message),
                              "tandem: decode: a shared object that is not in the commons");
    }
    return shared<T>(typename shared<T>::adopted{}, object, taken);
  }
};

}  // namespace tandem

#endif  // TANDEM_MEMORY_SHARED_HPP
