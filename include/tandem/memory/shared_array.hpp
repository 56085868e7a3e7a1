// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_MEMORY_SHARED_ARRAY_HPP
#define TANDEM_MEMORY_SHARED_ARRAY_HPP

#include <cstddef>  // for byte, size_t
#include <cstdint>  // for uint32_t, uint64_t
#include <memory>   // for uninitialized_value_construct_n, ...
#include <span>     // for span
#include <utility>  // for move, swap

#include "tandem/config.hpp"                       // for TANDEM_PRECONDITION
#include "tandem/core/codec.hpp"                   // for codec, reader, writer
#include "tandem/core/impl/require_shareable.hpp"  // for require_shareable
#include "tandem/memory/impl/array_block.hpp"      // for block_of
#include "tandem/memory/impl/counted.hpp"          // for counted
#include "tandem/memory/shared.hpp"                // for shared, send_shared

namespace tandem {

/// Says that the elements of a new array are to be default-initialised: numbers are not set to anything.
struct for_overwrite_t {};
inline constexpr for_overwrite_t for_overwrite{};

/// A counted handle to an array in the commons: what std::shared_ptr<T[]> is within a process, with its size. The way
/// to hand over much at once: the array stays where it is, and the number of it travels.
/// @par Shared memory          The elements are; the handle itself belongs to its process, as does its copy of the
/// size.
/// @par Threads and processes  As shared<T>.
/// @par Peer death             As shared<T>: an array that nobody else holds is freed, its elements' destructors do not
/// run.
template <class T> class shared<T[], T[]> {
 public:
  using element_type = T;

  /// `count` value-initialised elements: numbers are 0. @throws std::bad_alloc where the commons have no room
  /// (std::bad_array_new_length: no address space would do), and what a constructor throws: the elements made so far
  /// are destroyed then
  explicit shared(std::size_t count)
      : shared(count, [count](T* at) { std::uninitialized_value_construct_n(at, count); }) {}

  /// `count` copies of `value`. @throws as above
  shared(std::size_t count, T const& value)
      : shared(count, [count, &value](T* at) { std::uninitialized_fill_n(at, count, value); }) {}

  /// `count` default-initialised elements. @throws as above
  shared(for_overwrite_t, std::size_t count)
      : shared(count, [count](T* at) { std::uninitialized_default_construct_n(at, count); }) {}

  /// Copies of `elements`. @throws as above
  explicit shared(std::span<T const> elements)
      : shared(elements.size(), [elements](T* at) { std::uninitialized_copy(elements.begin(), elements.end(), at); }) {}

  shared(shared const& other) = default;
  shared(shared&& other) : counted_(std::move(other.counted_)), size_(other.size_) {}
  shared& operator=(shared const& other) = default;
  shared& operator=(shared&& other) noexcept {
    swap(other);
    return *this;
  }

  /// The element at `index`, from 0. @pre index < size() (checked when TANDEM_CHECKED)
  T& operator[](std::size_t index) const noexcept {
    TANDEM_PRECONDITION(index < size(), "tandem::shared<T[]>: an index that is not below its size");
    return get()[index];
  }

  T* get() const noexcept { return counted_ ? impl::block_of<T[]>::elements(counted_.block()) : nullptr; }
  T* data() const noexcept { return get(); }
  /// How many elements; 0 for a handle that was moved from.
  std::size_t size() const noexcept { return counted_ ? size_ : 0; }
  bool empty() const noexcept { return size() == 0; }
  T* begin() const noexcept { return get(); }
  T* end() const noexcept { return get() + size(); }

  /// How many handles there are, in all processes. Exact only if no other thread or process makes or destroys one
  /// meanwhile.
  std::uint64_t use_count() const noexcept { return counted_.use_count(); }

  void swap(shared& other) noexcept {
    counted_.swap(other.counted_);
    std::swap(size_, other.size_);
  }
  friend void swap(shared& a, shared& b) noexcept { a.swap(b); }

  /// Whether both are handles to the same array.
  friend bool operator==(shared const& a, shared const& b) noexcept { return a.get() == b.get(); }

 private:
  using layout = impl::block_of<T[]>;
  friend struct impl::shared_access;

  template <class Make>
    requires std::is_invocable_v<Make, T*> shared(std::size_t count, Make make)
        : counted_(layout::bytes_for(count),
                   [&](std::byte* block) {
                     layout::set_count(block, count);
                     make(layout::elements(block));
                   }),
          size_(count) {
      impl::require_shareable<T>();
    }

    explicit shared(impl::counted<T[]> held)
        : counted_(std::move(held)), size_(counted_ ? layout::count(counted_.block()) : 0) {}

    impl::counted<T[]> counted_;
    std::size_t size_;
};

template <class T> struct codec<shared<T[], T[]>> {
  static constexpr std::size_t least_size = sizeof(std::uint32_t);
  static constexpr bool carries_descriptors = false;

  static void encode(writer& to, shared<T[]> const& value) {
    to.write_flat(impl::send_shared(impl::shared_access::counted_of(value)));
  }
  static shared<T[]> decode(reader& from) {
    return impl::shared_access::whole(impl::counted<T[]>::receive(from.template read_flat<std::uint32_t>()));
  }
};

}  // namespace tandem

#endif  // TANDEM_MEMORY_SHARED_ARRAY_HPP
